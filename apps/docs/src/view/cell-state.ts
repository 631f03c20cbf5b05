import { renderPages } from "@kvmm/scenario";
import type { PageCell, SlotView } from "./slot-view.js";

/** The ways on which a page of a slot can be there. */
export type Way = "host" | "file" | "stage2";

/** How a cell looks, and the word for it. */
export interface CellState {
  readonly look: "none" | "read" | "write" | "page" | "off" | "bad";
  readonly sign: string;
  readonly word: string;
}

const NONE: CellState = { look: "none", sign: "", word: "nothing" };

export function cellState(cell: PageCell, way: Way): CellState {
  switch (way) {
    case "file":
      return cell.file === 0 ? NONE : { look: "page", sign: "p", word: "a page" };
    case "stage2": {
      if (cell.stage2 === null) return NONE;
      const access = cell.stage2.fields["S2AP"] ?? "";
      return access.includes("w")
        ? { look: "write", sign: "w", word: "mapped, writable" }
        : { look: "read", sign: "r", word: "mapped, read-only" };
    }
    case "host":
      return hostState(cell);
  }
}

function hostState({ host }: PageCell): CellState {
  if (host === null) return NONE;
  if (host.flags.includes("hwpoison") || host.flags.includes("poisoned"))
    return { look: "bad", sign: "!", word: "poisoned" };
  switch (host.state) {
    case "present":
      return host.flags.includes("write")
        ? { look: "write", sign: "w", word: "mapped, writable" }
        : { look: "read", sign: "r", word: "mapped, read-only" };
    case "prot_none":
      return { look: "off", sign: "n", word: "present, but PROT_NONE" };
    case "swap":
      return { look: "off", sign: "s", word: "in swap" };
    case "migration":
      return { look: "off", sign: "m", word: "a migration entry" };
    case "marker":
      return { look: "off", sign: "g", word: "a marker" };
  }
}

/** Did the cell change between two states? */
export function cellChanged(before: PageCell | undefined, now: PageCell, way: Way): boolean {
  if (before === undefined) return cellState(now, way).look !== "none";
  if (way === "file") return before.file !== now.file;
  if (way === "stage2") return before.stage2?.bits !== now.stage2?.bits;
  const [old, present] = [before.host, now.host];
  return (
    old?.state !== present?.state || old?.pfn !== present?.pfn || old?.flags.join() !== present?.flags.join()
  );
}

/** One way of a slot in words: `writable: pages 0-15`. */
export function wayInWords(slot: SlotView, way: Way): string {
  const byWord = new Map<string, number[]>();
  for (const cell of slot.cells) {
    const { word } = cellState(cell, way);
    byWord.set(word, [...(byWord.get(word) ?? []), cell.page]);
  }
  if (byWord.size === 1 && byWord.has("nothing")) return "nothing";
  byWord.delete("nothing");
  return [...byWord]
    .map(([word, pages]) => `${word}: ${renderPages(pages.map((page) => [page, page + 1]))}`)
    .join("; ");
}

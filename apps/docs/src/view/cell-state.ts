import { type HostPageView, renderPages, type Stage2EntryView } from "@kvmm/scenario";
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
    case "stage2":
      return leafState(cell.stage2);
    case "host":
      return hostState(cell.host);
  }
}

/** A leaf of stage 2. */
export function leafState(leaf: Stage2EntryView | null): CellState {
  if (leaf === null) return NONE;
  return (leaf.fields["S2AP"] ?? "").includes("w")
    ? { look: "write", sign: "w", word: "mapped, writable" }
    : { look: "read", sign: "r", word: "mapped, read-only" };
}

/** An entry of the VMM's page table. */
export function hostState(host: HostPageView | null): CellState {
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
  return hostChanged(before.host, now.host);
}

export function hostChanged(before: HostPageView | null, now: HostPageView | null): boolean {
  return (
    before?.state !== now?.state || before?.pfn !== now?.pfn || before?.flags.join() !== now?.flags.join()
  );
}

/** One way of a slot in words: `mapped, writable: pages 0-15`. */
export function wayInWords(slot: SlotView, way: Way): string {
  return inWords(slot.cells.map((cell) => cellState(cell, way)));
}

/** Cells in words, by what they have in common. */
export function inWords(cells: readonly CellState[]): string {
  const byWord = new Map<string, number[]>();
  for (const [page, { word }] of cells.entries()) byWord.set(word, [...(byWord.get(word) ?? []), page]);
  if (byWord.size === 1 && byWord.has("nothing")) return "nothing";
  byWord.delete("nothing");
  return [...byWord]
    .map(([word, pages]) => `${word}: ${renderPages(pages.map((page) => [page, page + 1]))}`)
    .join("; ");
}

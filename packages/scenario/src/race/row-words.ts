import type { WatchedChange } from "@kvmm/interleave";
import type { LaneRow } from "./lane-rows.js";
import { isPage } from "./watch.js";

/** What a row's change comes to, in words: `kvm->mmu_invalidate_seq 4 -> 5`, `pfn 0x40003: free`. */
export function changeInWords({ name, before, after = "gone" }: WatchedChange): string {
  if (isPage(name)) return `${name}: ${after}`;
  return before === undefined ? `${name}: ${after}` : `${name} ${before} -> ${after}`;
}

/** What a row does, without its function: what it reads and decides, then what it changes. */
export function rowInWords({ texts, changed }: Pick<LaneRow, "texts" | "changed">): readonly string[] {
  return [...texts, ...changed.map(changeInWords)];
}

/** What the shown values are at first: those that the rows change or read. */
export function initiallyInWords(
  initially: Readonly<Record<string, string>>,
  rows: readonly LaneRow[],
): readonly string[] {
  const changed = new Set(rows.flatMap((row) => row.changed.map(({ name }) => name)));
  return Object.entries(initially)
    .filter(([name]) => changed.has(name))
    .map(([name, value]) => (isPage(name) ? `${name}: ${value}` : `${name} ${value}`));
}

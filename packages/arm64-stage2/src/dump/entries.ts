import { join } from "../descriptor/halves.js";
import type { Stage2 } from "../stage2.js";
import type { TablePage } from "../table/table-page.js";
import { isCounted, isTable } from "../walk/entry.js";

/** An entry that is not 0, with its place. */
export interface TableEntry {
  readonly level: number;
  readonly ipa: number;
  readonly desc: bigint;
  /** The table that it points to. */
  readonly child: TablePage | null;
  readonly page: TablePage;
  readonly index: number;
}

/** Sees one entry that is not 0, as two signed halves. */
export type EntryVisitor = (
  level: number,
  ipa: number,
  lo: number,
  hi: number,
  child: TablePage | null,
  page: TablePage,
  index: number,
) => void;

/** Shows every entry that is not 0, in the order of a walk, tables before what they contain. Not an access. */
export function forEachEntry(pgt: Stage2, visit: EntryVisitor): void {
  const pgd = pgt.pgd.peek();
  if (pgd !== null) forEachEntryOf(pgt, pgd, pgt.startLevel, 0, visit);
}

/** {@link forEachEntry} for a table that need not be in the tree. */
export function forEachEntryOf(
  pgt: Stage2,
  page: TablePage,
  level: number,
  base: number,
  visit: EntryVisitor,
): void {
  const words = page.peekWords();
  const size = pgt.geometry.sizes[level]!;
  for (let at = 0; at < words.length; at += 2) {
    const lo = words[at]!;
    const hi = words[at + 1]!;
    if (!isCounted(lo, hi)) continue;
    const index = at >> 1;
    const child = isTable(lo, level) ? pgt.tables.find(page, index, lo, hi) : null;
    const ipa = base + index * size;
    visit(level, ipa, lo, hi, child, page, index);
    if (child !== null) forEachEntryOf(pgt, child, level + 1, ipa, visit);
  }
}

/** Every entry that is not 0, in the order of a walk. Not an access. */
export function tableEntries(pgt: Stage2): TableEntry[] {
  const all: TableEntry[] = [];
  forEachEntry(pgt, collectInto(all));
  return all;
}

/** {@link tableEntries} of a table that need not be in the tree; its addresses count from 0. */
export function unlinkedEntries(pgt: Stage2, root: TablePage, level: number): TableEntry[] {
  const all: TableEntry[] = [];
  forEachEntryOf(pgt, root, level, 0, collectInto(all));
  return all;
}

function collectInto(all: TableEntry[]): EntryVisitor {
  return (level, ipa, lo, hi, child, page, index) => {
    all.push({ level, ipa, desc: join(lo, hi), child, page, index });
  };
}

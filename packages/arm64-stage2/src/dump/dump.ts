import type { Stage2 } from "../stage2.js";
import type { TablePage } from "../table/table-page.js";
import { isTable } from "../walk/entry.js";
import { formatAttributes, shownBits } from "./attributes.js";

/** A run of entries of one level with equal attributes: `[first, end, level, attributes]`; `end` is exclusive. */
export type DumpRange = readonly [first: number, end: number, level: number, attributes: string];

/**
 * kvm_ptdump_guest_show(), note_page(): the tables as the debugfs file `stage2_page_tables` shows them. Like the kernel,
 * which prints a range when the next one begins, it leaves the last range out, unless asked for the whole.
 * Not an access: the tables as they are.
 */
export function dump(pgt: Stage2, options: { readonly whole?: boolean } = {}): DumpRange[] {
  const pgd = pgt.pgd.peek();
  if (pgd === null) return [];
  const merge = new Merge();
  noteTable(pgt, pgd, pgt.startLevel, 0, merge);
  if (options.whole === true) merge.note(pgt.limit, -1, 0);
  return merge.ranges;
}

/** struct ptdump_pg_state: the range that is open. */
class Merge {
  readonly ranges: DumpRange[] = [];
  #first = 0;
  #level = -1;
  #shown = 0;

  note(address: number, level: number, shown: number): void {
    if (level === this.#level && shown === this.#shown) return;
    if (this.#level >= 0)
      this.ranges.push([this.#first, address, this.#level, formatAttributes(this.#shown)]);
    this.#first = address;
    this.#level = level;
    this.#shown = shown;
  }
}

function noteTable(pgt: Stage2, page: TablePage, level: number, base: number, merge: Merge): void {
  const words = page.peekWords();
  const size = pgt.geometry.sizes[level]!;
  // The concatenated tables may translate more than the IPA space.
  const length = Math.min(words.length, 2 * Math.ceil((pgt.limit - base) / size));
  let address = base;
  for (let at = 0; at < length; at += 2) {
    const lo = words[at]!;
    const hi = words[at + 1]!;
    if (isTable(lo, level)) noteTable(pgt, pgt.tables.find(page, at >> 1, lo, hi), level + 1, address, merge);
    else merge.note(address, level, shownBits(lo, hi));
    address += size;
  }
}

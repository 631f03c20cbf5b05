import type { Store } from "@kvmm/interleave";
import type { Pfn } from "./addresses.js";
import { Column } from "./column.js";

/**
 * Who maps a large folio (folio->_mm_id, _mm_id_mapcount): the first two address spaces and how many entries of each
 * do, which is enough to tell a folio that one process has to itself.
 */
export class LargeMapcount {
  readonly #ids: readonly [Column, Column];
  readonly #counts: readonly [Column, Column];

  constructor(store: Store) {
    this.#ids = [new Column(store, "folio->_mm_id[0]"), new Column(store, "folio->_mm_id[1]")];
    this.#counts = [
      new Column(store, "folio->_mm_id_mapcount[0]"),
      new Column(store, "folio->_mm_id_mapcount[1]"),
    ];
  }

  /** folio_add_return_large_mapcount(), folio_sub_return_large_mapcount() */
  add(folio: Pfn, mm: number, entries: number): void {
    const slot = this.#slotOf(folio, mm);
    if (slot === null) return;
    const left = Math.max(0, this.#counts[slot].add(folio, entries));
    this.#counts[slot].set(folio, left);
    this.#ids[slot].set(folio, left === 0 ? 0 : mm);
  }

  /** Its slot, or a free one; null where both belong to others. */
  #slotOf(folio: Pfn, mm: number): 0 | 1 | null {
    const first = this.#ids[0].get(folio);
    if (first === mm) return 0;
    const second = this.#ids[1].get(folio);
    if (second === mm) return 1;
    return first === 0 ? 0 : second === 0 ? 1 : null;
  }

  /** folio_maybe_mapped_shared(), for a large folio that so many entries map: does more than one process? */
  isShared(folio: Pfn, mapcount: number): boolean {
    return this.#counts[0].get(folio) !== mapcount && this.#counts[1].get(folio) !== mapcount;
  }
}

import { Sparse, type Store } from "@kvmm/interleave";

/** A slot of the swap area. 0 is none. */
export type SwapSlot = number;

/**
 * The swap area: per slot how many entries of page tables or files stand for it, and the contents as far as they can
 * be observed. There is no swap cache: a page that comes back leaves its slot, unless others still need it.
 */
export class Swap {
  /** swap_map: users of a slot. */
  readonly #users: Sparse;
  readonly #words: Sparse;
  /** The highest slot ever taken, at 0. */
  readonly #state: Sparse;

  constructor(
    store: Store,
    /** Slots that there are, a page each. */
    readonly size: number,
  ) {
    this.#users = new Sparse(store, "swap_map");
    this.#words = new Sparse(store, "swap contents");
    this.#state = new Sparse(store, "swap_info_struct");
  }

  /**
   * folio_alloc_swap(): the first of so many slots in a row, each with one user, or 0 where there are none. Those of a
   * large folio begin at a multiple of its size, as its cluster does.
   */
  take(length: number): SwapSlot {
    const highest = this.#state.get(0);
    let slot = length;
    while (slot <= highest && !this.#isFree(slot, slot + length)) slot += length;
    const last = slot + length - 1;
    if (last > this.size) return 0;
    if (last > highest) this.#state.set(0, last);
    for (let page = 0; page < length; page++) this.#users.set(slot + page, 1);
    return slot;
  }

  /** swap_writeout(): what is read from the slot from now on. */
  write(slot: SwapSlot, word: number): void {
    this.#words.set(slot, word);
  }

  #isFree(first: SwapSlot, end: SwapSlot): boolean {
    return this.#users.seek(first, end) < 0;
  }

  /** swap_duplicate() */
  get(slot: SwapSlot): void {
    this.#users.set(slot, this.#users.get(slot) + 1);
  }

  /** swap_free(): with the last user the slot is free. */
  put(slot: SwapSlot): void {
    const left = this.#users.get(slot) - 1;
    if (left < 0) throw new RangeError(`swap slot ${slot} put once too often`);
    this.#users.set(slot, left);
    if (left === 0) this.#words.set(slot, 0);
  }

  users(slot: SwapSlot): number {
    return this.#users.get(slot);
  }

  word(slot: SwapSlot): number {
    return this.#words.get(slot);
  }

  /** get_nr_swap_pages(): slots that are free. */
  free(): number {
    return this.size - this.used();
  }

  /** Slots in use, as they are. */
  used(): number {
    let used = 0;
    for (
      let slot = this.#users.seek(1, this.size + 1);
      slot >= 0;
      slot = this.#users.seek(slot + 1, this.size + 1)
    )
      used++;
    return used;
  }
}

const STRIDE = 3;

/**
 * The states that have been visited, under 64-bit hashes, with 32 bits of the caller's about each: an open-addressing
 * table in one typed array, 12 bytes a slot, at most three quarters full.
 */
export class Visited {
  #slots: Int32Array;
  #mask: number;
  #size = 0;

  constructor(capacity = 1024) {
    this.#slots = new Int32Array(capacity * STRIDE);
    this.#mask = capacity - 1;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** Where a state stands, until the next {@link insert}; negative if it has not been visited. */
  find(lo: number, hi: number): number {
    // A slot whose hash is 0 is empty.
    const low = (lo | hi) === 0 ? 1 : lo;
    const slots = this.#slots;
    for (let i = (low ^ (hi >>> 7)) & this.#mask; ; i = (i + 1) & this.#mask) {
      const at = i * STRIDE;
      const a = slots[at]!;
      const b = slots[at + 1]!;
      if (a === low && b === hi) return at;
      if ((a | b) === 0) return ~at;
    }
  }

  /** Adds a state at the place that {@link find} returned. */
  insert(place: number, lo: number, hi: number, info: number): void {
    const slots = this.#slots;
    const at = ~place;
    slots[at] = (lo | hi) === 0 ? 1 : lo;
    slots[at + 1] = hi;
    slots[at + 2] = info;
    if (++this.#size * 4 > (this.#mask + 1) * 3) this.#grow();
  }

  info(place: number): number {
    return this.#slots[place + 2]!;
  }

  setInfo(place: number, info: number): void {
    this.#slots[place + 2] = info;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let from = 0; from < old.length; from += STRIDE) {
      const lo = old[from]!;
      const hi = old[from + 1]!;
      if ((lo | hi) === 0) continue;
      const at = ~this.find(lo, hi);
      this.#slots[at] = lo;
      this.#slots[at + 1] = hi;
      this.#slots[at + 2] = old[from + 2]!;
    }
  }
}

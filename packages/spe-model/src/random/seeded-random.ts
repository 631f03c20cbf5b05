/** A 32-bit hash of two 32-bit numbers (the finalizer of MurmurHash3). */
export function hash32(seed: number, index: number): number {
  let h = Math.imul(seed ^ Math.imul(index, 0x9e3779b9), 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h ^ Math.imul(index >>> 16, 0xc2b2ae35), 0xc2b2ae35);
  h ^= h >>> 13;
  h = Math.imul(h, 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Random numbers that are the same for the same seed. */
export class SeededRandom {
  readonly #seed: number;
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** 0 to 2^32 - 1. */
  next(): number {
    return hash32(this.#seed, this.#drawn++);
  }
}

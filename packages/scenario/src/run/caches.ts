import type { GfnToPfnCache } from "@kvmm/kvm-memslots";

/** A cache, and the length for which it was activated. */
interface Entry {
  readonly gpc: GfnToPfnCache;
  readonly length: number;
}

/**
 * The pfncaches that calls have made, by their identity. No state: a path that is replayed makes the same cache, under
 * the same identity, again.
 */
export class Caches {
  readonly #entries = new Map<number, Entry>();

  /** @returns what a name stands for from now on */
  add(gpc: GfnToPfnCache, length: number): bigint {
    this.#entries.set(gpc.id, { gpc, length });
    return BigInt(gpc.id);
  }

  get(named: bigint): Entry {
    return this.#entries.get(Number(named))!;
  }
}

import { Shared, Sparse, type Store } from "@kvmm/interleave";

/** Half-open ranges of pages. */
export type PageRuns = readonly (readonly [first: number, end: number])[];

/**
 * slot->dirty_bitmap: which pages of a memslot were written to. Bits are set without a lock, and cleared only under
 * slots_lock. Takes room for the pages that differ from how it began, so that a large memslot whose bits are all
 * set at first costs nothing.
 */
export class DirtyBitmap extends Shared {
  /** Pages whose bit is not what it was at first. */
  readonly #changed: Sparse;

  constructor(
    store: Store,
    name: string,
    readonly npages: number,
    /** Every bit set at first (KVM_DIRTY_LOG_INITIALLY_SET)? */
    readonly initiallySet: boolean,
  ) {
    super(store, name);
    this.#changed = new Sparse(store, name);
  }

  /** set_bit_le(), atomic. */
  set(page: number): void {
    this.#changed.set(page, this.initiallySet ? 0 : 1);
  }

  /** Is a bit set? As it is; not an access. */
  peek(page: number): boolean {
    return (this.#changed.at(page) !== 0) !== this.initiallySet;
  }

  /** Clears a bit that is set. */
  clear(page: number): void {
    this.#changed.set(page, this.initiallySet ? 1 : 0);
  }

  /** The bits that are set in `[from, to)`. */
  runs(from: number, to: number): PageRuns {
    return this.initiallySet ? this.#gaps(from, to) : this.#entries(from, to);
  }

  #entries(from: number, to: number): PageRuns {
    const runs: [number, number][] = [];
    for (let page = this.#changed.next(from, to); page >= 0; page = this.#changed.next(page + 1, to)) {
      const last = runs.at(-1);
      if (last !== undefined && last[1] === page) last[1] = page + 1;
      else runs.push([page, page + 1]);
    }
    return runs;
  }

  #gaps(from: number, to: number): PageRuns {
    const runs: [number, number][] = [];
    let begin = from;
    while (begin < to) {
      const cleared = this.#changed.next(begin, to);
      const end = cleared < 0 ? to : cleared;
      if (end > begin) runs.push([begin, end]);
      begin = end + 1;
    }
    return runs;
  }

  override restore(): void {}
}

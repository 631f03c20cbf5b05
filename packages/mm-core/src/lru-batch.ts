import { Kind, Shared, type Store } from "@kvmm/interleave";
import type { Pfn } from "./addresses.js";
import type { Frames } from "./frames.js";
import { PageFlag } from "./page-flags.js";

/** FOLIO_BATCH_SIZE */
const BATCH_SIZE = 31;

/** The new pages of one CPU that are not on the LRU yet (cpu_fbatches.lru_add). */
class Batch extends Shared {
  #pages: readonly Pfn[] = NONE;

  constructor(store: Store, cpu: number) {
    super(store, `cpu ${cpu} lru_add batch`);
  }

  /** @returns how many there are now */
  push(pfn: Pfn): number {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, 0)) return task.recorded() as number;
    this.#change([...this.#pages, pfn]);
    task?.record(this.#pages.length);
    return this.#pages.length;
  }

  /** Empties it. @returns what was in it */
  take(): readonly Pfn[] {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, 0)) return task.recorded() as readonly Pfn[];
    const taken = this.#pages;
    if (taken.length > 0) this.#change(NONE);
    task?.record(taken);
    return taken;
  }

  #change(pages: readonly Pfn[]): void {
    const old = this.#pages;
    this.#pages = pages;
    if (this.store.journalling) this.store.changed(this, 0, old, pages);
  }

  override digest(): unknown {
    return this.#pages.join();
  }

  override restore(_key: number, old: unknown): void {
    this.#pages = old as readonly Pfn[];
  }
}

const NONE: readonly Pfn[] = [];

/**
 * Where new pages wait for the LRU: a batch per CPU, each page with a reference, emptied when it is full or drained.
 * Until then a page cannot be isolated, and so not be moved.
 */
export class LruBatches {
  readonly #batches: readonly Batch[];

  constructor(
    store: Store,
    private readonly frames: Frames,
    cpus: number,
  ) {
    this.#batches = Array.from({ length: cpus }, (_, cpu) => new Batch(store, cpu));
  }

  /** folio_add_lru() */
  add(cpu: number, pfn: Pfn): void {
    this.frames.get(pfn);
    const batch = this.#batches[cpu % this.#batches.length]!;
    // folio_may_be_lru_cached(): a large folio does not wait, nor what came before it.
    if (batch.push(pfn) === BATCH_SIZE || this.frames.order(pfn) !== 0) this.#move(batch);
  }

  /** lru_add_drain_all(). Where the kernel drains its own CPU alone, the model drains all. */
  drain(): void {
    for (const batch of this.#batches) this.#move(batch);
  }

  #move(batch: Batch): void {
    for (const pfn of batch.take()) {
      this.frames.mark(pfn, PageFlag.lru);
      this.frames.put(pfn);
    }
  }
}

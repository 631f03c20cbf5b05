import { Kind, Shared } from "./shared.js";
import type { Store } from "./store.js";
import { WaitError } from "./wait-queue.js";

/** How many readers began in each epoch that still has some, oldest first. */
type Readers = readonly (readonly [epoch: number, count: number])[];

/**
 * struct srcu_struct: readers never wait; {@link synchronize} waits for every reader that began before it, and for no
 * later one.
 */
export class Srcu extends Shared {
  #epoch = 0;
  #readers: Readers = [];

  constructor(store: Store, name: string) {
    super(store, name);
  }

  /** srcu_read_lock(). @returns what {@link readUnlock} takes */
  readLock(): number {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, READERS)) return task.recorded() as number;
    const epoch = this.#epoch;
    this.#add(epoch, 1);
    task?.record(epoch);
    return epoch;
  }

  /** srcu_read_unlock() */
  readUnlock(epoch: number): void {
    const { task } = this.store;
    if (task?.replays(this, Kind.Release, READERS)) {
      task.recorded();
      return;
    }
    if (!this.#readers.some(([e]) => e === epoch)) {
      throw new WaitError(
        this,
        `${this.store.taskName(this.store.tid)} ends an SRCU section of ${this.name} twice`,
      );
    }
    this.#add(epoch, -1);
    task?.record(undefined);
  }

  /** synchronize_srcu(): returns after every reader that began before the call has ended. */
  synchronize(): void {
    const { store } = this;
    const { task } = store;
    let before: number;
    if (task?.replays(this, Kind.Write, EPOCH)) before = task.recorded() as number;
    else {
      store.held.mightSleep(`waits for ${this.name}`);
      before = this.#epoch;
      this.#epoch = before + 1;
      store.changed(this, EPOCH, before, before + 1);
      task?.record(before);
    }
    if (task?.replays(this, Kind.Wait, before)) {
      task.recorded();
      return;
    }
    if (!this.#isQuiet(before)) {
      throw new WaitError(
        this,
        `${store.taskName(store.tid)} would wait for ever for the SRCU readers of ${this.name}: one of them is itself`,
      );
    }
    task?.record(undefined);
  }

  #isQuiet(epoch: number): boolean {
    return this.#readers.length === 0 || this.#readers[0]![0] > epoch;
  }

  #add(epoch: number, delta: 1 | -1): void {
    const old = this.#readers;
    const at = old.findIndex(([e]) => e === epoch);
    let now: Readers;
    if (at < 0) now = [...old, [epoch, 1]];
    else if (old[at]![1] + delta === 0) now = old.toSpliced(at, 1);
    else now = old.with(at, [epoch, old[at]![1] + delta]);
    this.#readers = now;
    this.store.changed(this, READERS, old, now);
  }

  override isPoint(kind: Kind): boolean {
    return kind !== Kind.Release;
  }

  override isEnabled(kind: Kind, _task: number, key: number): boolean {
    return kind !== Kind.Wait || this.#isQuiet(key);
  }

  override restore(key: number, old: unknown): void {
    if (key === EPOCH) this.#epoch = old as number;
    else this.#readers = old as Readers;
  }
}

const READERS = 0;
const EPOCH = 1;

import { hashOf } from "./hash.js";
import { Kind, Shared } from "./shared-object.js";
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
  #readers: Readers = NOBODY;
  #only: Readers = [[0, 1]];
  /** Null until it is asked for. */
  #digest: number | null = null;

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
      this.#digest = null;
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
    const now = delta === 1 && old.length === 0 ? this.#onlyReader(epoch) : added(old, epoch, delta);
    this.#readers = now;
    this.#digest = null;
    if (this.store.journalling) this.store.changed(this, READERS, old, now);
  }

  /** One reader in this epoch and no other: what it mostly is. */
  #onlyReader(epoch: number): Readers {
    if (this.#only[0]![0] !== epoch) this.#only = [[epoch, 1]];
    return this.#only;
  }

  override isPoint(kind: Kind): boolean {
    return kind !== Kind.Release;
  }

  override isEnabled(kind: Kind, _task: number, key: number): boolean {
    return kind !== Kind.Wait || this.#isQuiet(key);
  }

  override digest(): unknown {
    if (this.#digest === null) {
      const [lo, hi] = hashOf([this.#epoch, this.#readers]);
      this.#digest = (hi >>> 11) * 0x1_0000_0000 + lo;
    }
    return this.#digest;
  }

  override restore(key: number, old: unknown): void {
    this.#digest = null;
    if (key === EPOCH) this.#epoch = old as number;
    else this.#readers = old as Readers;
  }
}

function added(readers: Readers, epoch: number, delta: 1 | -1): Readers {
  if (delta === -1 && readers.length === 1 && readers[0]![1] === 1) return NOBODY;
  const at = readers.findIndex(([e]) => e === epoch);
  if (at < 0) return [...readers, [epoch, 1]];
  const count = readers[at]![1] + delta;
  return count === 0 ? readers.toSpliced(at, 1) : readers.with(at, [epoch, count]);
}

const NOBODY: Readers = [];
const READERS = 0;
const EPOCH = 1;

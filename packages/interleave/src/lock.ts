import { digestOf } from "./hash.js";
import { Kind, Shared } from "./shared-object.js";
import type { Store } from "./store.js";

/** A lock was used as it must not be: blocking on oneself, releasing what one does not hold, sleeping while atomic. */
export class LockError extends Error {
  override name = "LockError";
  constructor(
    readonly lock: Shared,
    message: string,
  ) {
    super(message);
  }
}

/** What all locks share: who holds them, and the check that a path run alone never blocks. */
export abstract class Lock extends Shared {
  /** Spinlocks and rwlocks spin; a task that holds one must not sleep. */
  abstract readonly spins: boolean;

  /** Does the current task hold it, in any mode? */
  abstract isHeld(): boolean;
  /** Does the current task hold it so that nobody else can? */
  abstract isHeldExclusively(): boolean;
  /** Ids of the tasks that hold it. */
  abstract holders(): readonly number[];

  /**
   * May somebody see that it is held without waiting for it: try to take it, or initialise it in use? Then others may
   * come before a release.
   */
  isSeenHeld = false;

  override isPoint(kind: Kind): boolean {
    return kind !== Kind.Release || this.isSeenHeld;
  }

  /** The error of a task that can never get past this lock, because it holds it itself; else undefined. */
  selfBlock(task: number): LockError | undefined {
    if (!this.holders().includes(task)) return undefined;
    return new LockError(this, `${this.store.taskName(task)} blocks on ${this.name}, which it holds itself`);
  }

  /** To be called when the lock cannot be taken and nothing else runs that could release it. */
  protected refuse(): never {
    const self = this.selfBlock(this.store.tid);
    if (self) throw self;
    const holders = this.holders().map((tid) => this.store.taskName(tid));
    throw new LockError(
      this,
      `${this.store.taskName(this.store.tid)} would wait for ever for ${this.name}, held by ${holders.join(", ")}`,
    );
  }
}

/** A lock that one task holds at a time. */
abstract class ExclusiveLock extends Lock {
  #owner = FREE;

  /** Takes the lock. Alone: throws {@link LockError} if it is not free. */
  lock(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Acquire, 0)) {
      task.recorded();
      return;
    }
    if (this.#owner !== FREE) this.refuse();
    store.held.push(this);
    this.#change(store.tid);
    task?.record(undefined);
  }

  /**
   * Takes the lock if it is free.
   * @returns whether it was
   * @throws LockError unless the lock {@link isSeenHeld}
   */
  tryLock(): boolean {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, 0)) return task.recorded() as boolean;
    if (!this.isSeenHeld) throw new LockError(this, `${this.name} is tried: its isSeenHeld has to be true`);
    const isFree = this.#owner === FREE;
    if (isFree) {
      store.held.push(this, false);
      this.#change(store.tid);
    }
    task?.record(isFree);
    return isFree;
  }

  unlock(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Release, 0)) {
      task.recorded();
      return;
    }
    if (this.#owner !== store.tid) throw notHeld(this);
    store.held.remove(this);
    this.#change(FREE);
    task?.record(undefined);
  }

  /** mutex_init(), of a lock that may be in use: it is free from now on, whatever its holder thinks. */
  init(): void {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, 0)) {
      task.recorded();
      return;
    }
    if (this.#owner !== FREE) this.#change(FREE);
    task?.record(undefined);
  }

  #change(owner: number): void {
    const old = this.#owner;
    this.#owner = owner;
    if (this.store.journalling) this.store.changed(this, 0, old, owner);
  }

  override isHeld(): boolean {
    return this.#owner === this.store.tid;
  }

  override isHeldExclusively(): boolean {
    return this.#owner === this.store.tid;
  }

  override holders(): readonly number[] {
    return this.#owner === FREE ? [] : [this.#owner];
  }

  override isEnabled(kind: Kind): boolean {
    return kind !== Kind.Acquire || this.#owner === FREE;
  }

  override digest(): unknown {
    return this.#owner;
  }

  override restore(_key: number, old: unknown): void {
    this.#owner = old as number;
  }
}

/** spinlock_t */
export class SpinLock extends ExclusiveLock {
  override readonly spins = true;
}

/** struct mutex */
export class Mutex extends ExclusiveLock {
  override readonly spins = false;
}

/** A lock that many tasks hold for reading, or one for writing. No fairness: whoever can take it, may. */
abstract class SharedLock extends Lock {
  /** rwlock_t readers may nest; a second down_read by the same task can deadlock behind a writer. */
  protected abstract readonly nests: boolean;
  #writer = FREE;
  /** Sorted ids of the readers, one entry per acquisition. */
  #readers: readonly number[] = NOBODY;

  readLock(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.AcquireShared, 0)) {
      task.recorded();
      return;
    }
    const readers = this.#readers;
    if (this.#writer !== FREE || (!this.nests && this.#reads(store.tid))) this.refuse();
    store.held.push(this);
    this.#setReaders(readers.length === 0 ? store.reader() : [...readers, store.tid].sort((a, b) => a - b));
    task?.record(undefined);
  }

  readUnlock(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Release, 1)) {
      task.recorded();
      return;
    }
    const readers = this.#readers;
    if (!this.#reads(store.tid)) throw notHeld(this);
    store.held.remove(this);
    this.#setReaders(readers.length === 1 ? NOBODY : readers.toSpliced(readers.indexOf(store.tid), 1));
    task?.record(undefined);
  }

  writeLock(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Acquire, 0)) {
      task.recorded();
      return;
    }
    if (this.#writer !== FREE || this.#readers.length > 0) this.refuse();
    store.held.push(this);
    this.#setWriter(store.tid);
    task?.record(undefined);
  }

  writeUnlock(): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Release, 0)) {
      task.recorded();
      return;
    }
    if (this.#writer !== store.tid) throw notHeld(this);
    store.held.remove(this);
    this.#setWriter(FREE);
    task?.record(undefined);
  }

  /** rwlock_init(), of a lock that may be in use: it is free from now on, whatever its holders think. */
  init(): void {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, 0)) {
      task.recorded();
      return;
    }
    if (this.#writer !== FREE) this.#setWriter(FREE);
    if (this.#readers.length > 0) this.#setReaders(NOBODY);
    task?.record(undefined);
  }

  #setWriter(writer: number): void {
    const old = this.#writer;
    this.#writer = writer;
    if (this.store.journalling) this.store.changed(this, 0, old, writer);
  }

  #setReaders(readers: readonly number[]): void {
    const old = this.#readers;
    this.#readers = readers;
    if (this.store.journalling) this.store.changed(this, 1, old, readers);
  }

  #reads(tid: number): boolean {
    const readers = this.#readers;
    return readers.length !== 0 && (readers[0] === tid || readers.includes(tid));
  }

  override isHeld(): boolean {
    const { tid } = this.store;
    return this.#writer === tid || this.#reads(tid);
  }

  override isHeldExclusively(): boolean {
    return this.#writer === this.store.tid;
  }

  override holders(): readonly number[] {
    return this.#writer === FREE ? this.#readers : [this.#writer];
  }

  override isEnabled(kind: Kind): boolean {
    if (kind === Kind.AcquireShared) return this.#writer === FREE;
    return kind !== Kind.Acquire || (this.#writer === FREE && this.#readers.length === 0);
  }

  override digest(): unknown {
    if (this.#writer !== FREE) return -2 - this.#writer;
    const readers = this.#readers;
    return readers.length === 0 ? FREE : readers.length === 1 ? readers[0] : digestOf(readers);
  }

  override restore(key: number, old: unknown): void {
    if (key === 0) this.#writer = old as number;
    else this.#readers = old as readonly number[];
  }
}

/** rwlock_t */
export class RwLock extends SharedLock {
  override readonly spins = true;
  protected override readonly nests = true;
}

/** struct rw_semaphore */
export class RwSemaphore extends SharedLock {
  override readonly spins = false;
  protected override readonly nests = false;
}

const FREE = -1;
const NOBODY: readonly number[] = [];

function notHeld(lock: Lock): LockError {
  return new LockError(
    lock,
    `${lock.store.taskName(lock.store.tid)} releases ${lock.name}, which it does not hold`,
  );
}

/** The locks that each task holds, in the order in which it took them. Follows from the locks themselves. */
export class HeldLocks {
  readonly #stacks: Lock[][] = [];
  readonly #undo: Undo;

  constructor(private readonly store: Store) {
    this.#undo = new Undo(store, this.#stacks);
  }

  /** What a task holds. */
  of(tid: number): readonly Lock[] {
    return this.#stacks[tid] ?? [];
  }

  push(lock: Lock, waits = true): void {
    const { store } = this;
    let stack = this.#stacks[store.tid];
    if (stack === undefined) {
      stack = [];
      this.#stacks[store.tid] = stack;
    }
    if (waits && !lock.spins) this.mightSleep(`takes ${lock.name}`);
    stack.push(lock);
    if (store.journalling) this.#note({ lock, at: -1 });
  }

  remove(lock: Lock): void {
    const { store } = this;
    const stack = this.#stacks[store.tid]!;
    let at = stack.length - 1;
    if (stack[at] === lock) stack.pop();
    else {
      at = stack.lastIndexOf(lock);
      stack.splice(at, 1);
    }
    if (store.journalling) this.#note({ lock, at });
  }

  #note(change: HeldChange): void {
    this.store.changedUnhashed(this.#undo, this.store.tid, change, change);
  }

  /** might_sleep(): throws {@link LockError} if the current task holds a lock that spins. */
  mightSleep(what: string): void {
    const stack = this.#stacks[this.store.tid];
    if (stack === undefined || stack.length === 0) return;
    for (let i = stack.length - 1; i >= 0; i--) {
      const held = stack[i]!;
      if (held.spins) {
        throw new LockError(
          held,
          `${this.store.taskName(this.store.tid)} ${what} while it holds ${held.name}: sleeping while atomic`,
        );
      }
    }
  }
}

/** A lock that was taken, if `at` is negative, or given back from that place of the stack. */
interface HeldChange {
  readonly lock: Lock;
  readonly at: number;
}

/** The journal's way back into the stacks. */
class Undo extends Shared {
  constructor(
    store: Store,
    private readonly stacks: Lock[][],
  ) {
    super(store, "held locks");
  }

  override restore(tid: number, old: unknown): void {
    const { lock, at } = old as HeldChange;
    const stack = this.stacks[tid]!;
    if (at < 0) stack.pop();
    else stack.splice(at, 0, lock);
  }

  override redo(tid: number, now: unknown): void {
    const { lock, at } = now as HeldChange;
    const stack = this.stacks[tid]!;
    if (at < 0) stack.push(lock);
    else stack.splice(at, 1);
  }

  /** Follows from the locks. */
  override digest(): unknown {
    return null;
  }
}

import { hashInto, mix, outHi, outLo } from "./hash.js";
import { HeldLocks } from "./lock.js";
import type { Shared } from "./shared-object.js";
import type { Suspendable } from "./suspend.js";
import { WaitError } from "./wait-queue.js";

/** One line of the model's own trace: which kernel function decided what. */
export interface TraceEvent {
  /** The kernel function, as in the kernel's source. */
  readonly fn: string;
  readonly text: string;
}

/** The changes of one step, taken out of the journal. */
export interface Delta {
  readonly objects: readonly Shared[];
  readonly keys: readonly number[];
  readonly olds: readonly unknown[];
  readonly nows: readonly unknown[];
  /** What the step did to the hash. */
  readonly lo: number;
  readonly hi: number;
}

/** A point in the journal to which {@link Store.rollback} returns. */
export interface Mark {
  /** Its place among the marks that are still good. */
  readonly index: number;
  readonly length: number;
  readonly hashLo: number;
  readonly hashHi: number;
}

/**
 * Holds all state that two tasks can reach. Every change is journalled, so that it can be rolled back, and a hash
 * of the state is kept as it changes.
 *
 * While {@link Store.task} is null, a path runs alone: an access is a plain property access, nothing suspends, and a
 * lock that is not free is an error. The explorer sets `task`, and the same functions become a thread.
 */
export class Store {
  /** The explored task whose step is being made; null when a path runs alone. */
  task: Suspendable | null = null;
  /** The identity under which locks are held. */
  tid = 0;
  /** Names of the tasks, for errors and traces; the index is the task's id. */
  readonly names: string[] = ["the caller"];
  /** Receives what the model decided, while somebody listens. Never called during a replay. */
  onTrace: ((event: TraceEvent) => void) | null = null;

  #objects: Shared[] = [];
  #keys: number[] = [];
  #olds: unknown[] = [];
  #nows: unknown[] = [];
  #marks: Mark[] = [];
  #journalling = false;
  #hashLo = 0;
  #hashHi = 0;
  #lastId = 0;
  #tasks = 0;
  readonly #readers: (readonly number[])[] = [];
  /** The locks that each task holds. */
  readonly held: HeldLocks = new HeldLocks(this);

  /** Is every change being journalled? Off until the first {@link mark}. */
  get journalling(): boolean {
    return this.#journalling;
  }

  /** From here on changes can be rolled back, and the hash follows them. */
  mark(): Mark {
    this.#journalling = true;
    const mark: Mark = {
      index: this.#marks.length,
      length: this.#objects.length,
      hashLo: this.#hashLo,
      hashHi: this.#hashHi,
    };
    this.#marks.push(mark);
    return mark;
  }

  /**
   * Undoes every change since the mark was taken. The mark stays good; those taken later are void afterwards.
   * @throws RangeError if the mark is void
   */
  rollback(mark: Mark): void {
    if (this.#marks[mark.index] !== mark) {
      throw new RangeError("rollback to a mark that was itself rolled back or committed");
    }
    this.#marks.length = mark.index + 1;
    const objects = this.#objects;
    for (let i = objects.length - 1; i >= mark.length; i--) {
      objects[i]!.restore(this.#keys[i]!, this.#olds[i]);
    }
    this.#truncate(mark.length);
    this.#hashLo = mark.hashLo;
    this.#hashHi = mark.hashHi;
  }

  /**
   * Forgets the journal and all marks: what happened until now can no longer be undone, and nothing is journalled
   * any more.
   */
  commit(): void {
    this.#objects = [];
    this.#keys = [];
    this.#olds = [];
    this.#nows = [];
    this.#marks = [];
    this.#hashLo = this.#hashHi = 0;
    this.#journalling = false;
  }

  /** How many changes the journal holds. */
  get changes(): number {
    return this.#objects.length;
  }

  /**
   * What changed since a mark, oldest first: for showing a step. The same object and key can occur several times;
   * the first occurrence has the value from before.
   */
  *changesSince(mark: Mark): Generator<{ object: Shared; key: number; old: unknown; now: unknown }> {
    for (let i = mark.length; i < this.#objects.length; i++) {
      yield { object: this.#objects[i]!, key: this.#keys[i]!, old: this.#olds[i], now: this.#nows[i] };
    }
  }

  /** The changes beyond a length of the journal, which stay in it. The hash is the caller's business. */
  copy(from: number, lo = 0, hi = 0): Delta {
    return {
      objects: this.#objects.slice(from),
      keys: this.#keys.slice(from),
      olds: this.#olds.slice(from),
      nows: this.#nows.slice(from),
      lo,
      hi,
    };
  }

  /** Takes the changes beyond a length of the journal out of it: from here on only {@link undo} takes them back. */
  cut(from: number, lo: number, hi: number): Delta {
    const delta = this.copy(from, this.#hashLo ^ lo, this.#hashHi ^ hi);
    this.#truncate(from);
    return delta;
  }

  /** Makes the changes of a step again, from the state in which it was made first; the journal has none of it. */
  redo(delta: Delta): void {
    const { objects, keys, nows } = delta;
    for (let i = 0; i < objects.length; i++) objects[i]!.redo(keys[i]!, nows[i]);
    this.#hashLo ^= delta.lo;
    this.#hashHi ^= delta.hi;
  }

  /** Takes the last step back that {@link cut} or {@link redo} has made. */
  undo(delta: Delta): void {
    const { objects, keys, olds } = delta;
    for (let i = objects.length - 1; i >= 0; i--) objects[i]!.restore(keys[i]!, olds[i]);
    this.#hashLo ^= delta.lo;
    this.#hashHi ^= delta.hi;
  }

  /** {@link redo}, into the journal. */
  replay(delta: Delta): void {
    const { objects, keys, olds, nows } = delta;
    for (let i = 0; i < objects.length; i++) {
      objects[i]!.redo(keys[i]!, nows[i]);
      this.#note(objects[i]!, keys[i]!, olds[i], nows[i]);
    }
  }

  #note(object: Shared, key: number, old: unknown, now: unknown): void {
    this.#objects.push(object);
    this.#keys.push(key);
    this.#olds.push(old);
    this.#nows.push(now);
  }

  #truncate(length: number): void {
    this.#objects.length = this.#keys.length = this.#olds.length = this.#nows.length = length;
  }

  /**
   * 64-bit hash of all changes since journalling began, as two unsigned halves. Equal states reached by different
   * orders of steps have equal hashes.
   */
  get hash(): readonly [lo: number, hi: number] {
    return [this.#hashLo >>> 0, this.#hashHi >>> 0];
  }

  /** The halves of {@link hash}, signed. */
  get hashLo(): number {
    return this.#hashLo;
  }

  get hashHi(): number {
    return this.#hashHi;
  }

  /** To be called by a {@link Shared} object after each change of itself. */
  changed(object: Shared, key: number, old: unknown, now: unknown): void {
    if (!this.#journalling) return;
    this.#note(object, key, old, now);
    this.#toggle(object.id, key, old);
    this.#toggle(object.id, key, now);
  }

  /** Like {@link changed}, for bookkeeping that follows from other state: not part of the hash. */
  changedUnhashed(object: Shared, key: number, old: unknown, now?: unknown): void {
    if (!this.#journalling) return;
    this.#note(object, key, old, now);
  }

  /** The hash's part of {@link changed}, for an object that journals in another way. */
  rehash(object: Shared, key: number, old: unknown, now: unknown): void {
    this.#toggle(object.id, key, old);
    this.#toggle(object.id, key, now);
  }

  #toggle(id: number, key: number, value: unknown): void {
    // What a task creates is a function of its identity until it has been created.
    if (this.task?.creating) return;
    const object = mix(id | 0, Math.floor(id / 0x1_0000_0000) | 0);
    const at = mix(key | 0, Math.floor(key / 0x1_0000_0000) | 0);
    hashInto(value, mix(object, at), mix(at ^ 0x3c6ef372, object));
    this.#hashLo ^= outLo;
    this.#hashHi ^= outHi;
  }

  taskName(tid: number): string {
    return this.names[tid] ?? `task ${tid}`;
  }

  /** The one-element list of the current task, shared: what most rwlocks hold. */
  reader(): readonly number[] {
    let list = this.#readers[this.tid];
    if (list === undefined) {
      list = [this.tid];
      this.#readers[this.tid] = list;
    }
    return list;
  }

  /** The identity of a new object. Called by its constructor. */
  identify(object: Shared): number {
    const { task } = this;
    if (task !== null) return task.identify(object);
    return ++this.#lastId;
  }

  /** A number for a new task, which makes the identities of what it creates its own. */
  enlist(): number {
    return ++this.#tasks;
  }

  /**
   * Creates an object, or several that belong together, within a path. A replay returns the same object again, so
   * a path must not create shared objects in any other way. `make` touches no other shared object: what the new
   * ones need to know is read before.
   */
  create<T>(make: () => T): T {
    const { task } = this;
    return task === null ? make() : task.create(make);
  }

  /**
   * One of `count` possible outcomes, for what the model does not determine. Run alone: the first. Explored: each.
   * @param count at least 1
   */
  choose(name: string, count: number): number {
    const { task } = this;
    if (!(count >= 1)) throw new RangeError(`a choice of ${count} outcomes: ${name}`);
    return task === null ? 0 : task.choose(name, count);
  }

  /**
   * Makes several accesses one step: no other task comes between them. For hardware that is atomic, and for models
   * whose steps are given. Nothing inside may wait; `when` says (with `peek`) in which states the step can be made.
   * Alone: throws {@link WaitError} in any other state.
   */
  atomic<T>(name: string, body: () => T, when?: () => boolean): T {
    const { task } = this;
    if (task !== null) return task.atomic(name, body, when ?? null);
    if (when !== undefined && !when()) {
      throw new WaitError(null, `${this.taskName(this.tid)} would wait for ever for ${name}`);
    }
    return body();
  }

  /** Notes a decision, if somebody listens; `text` is only computed then. */
  trace(fn: string, text: () => string): void {
    if (this.onTrace === null) return;
    if (this.task?.isReplaying) return;
    this.onTrace({ fn, text: text() });
  }
}

import { digestOf } from "./hash.js";
import { type Guard, Kind, Shared } from "./shared-object.js";
import type { Store } from "./store.js";

/**
 * One shared value: a number, a boolean, a string, null, another shared object, or an immutable array or record of
 * these. Never change a value in place: set a new one.
 */
export class Cell<T> extends Shared {
  #value: T;

  constructor(store: Store, name: string, initial: T, guard?: Guard) {
    super(store, name, guard);
    this.#value = initial;
  }

  get(): T {
    const { task } = this.store;
    if (task === null) {
      if (this.guard !== null) this.checkGuard(Kind.Read);
      return this.#value;
    }
    if (task.replays(this, Kind.Read, 0)) return task.recorded() as T;
    this.checkGuard(Kind.Read);
    task.record(this.#value);
    return this.#value;
  }

  set(value: T): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, 0)) {
      task.repeats(value);
      return;
    }
    if (this.guard !== null) this.checkGuard(Kind.Write);
    const old = this.#value;
    if (old !== value) {
      this.#value = value;
      store.changed(this, 0, old, value);
    }
    task?.record(value);
  }

  /**
   * Reads, computes and writes in one access: an atomic read-modify-write. `compute` accesses nothing else.
   * @returns the new value
   */
  update(compute: (old: T) => T): T {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, 0)) return task.recorded() as T;
    if (this.guard !== null) this.checkGuard(Kind.Write);
    const old = this.#value;
    const value = compute(old);
    if (old !== value) {
      this.#value = value;
      store.changed(this, 0, old, value);
    }
    task?.record(value);
    return value;
  }

  /** The value as it is, for showing and for checks between steps; not an access. */
  peek(): T {
    this.store.task?.peeks(this, 0);
    return this.#value;
  }

  override digest(): unknown {
    return digestOf(this.#value);
  }

  override restore(_key: number, old: unknown): void {
    this.#value = old as T;
  }
}

/** Adds to a counter in one access (atomic_add_return). */
export function add(cell: Cell<number>, delta: number): number {
  return cell.update((n) => n + delta);
}

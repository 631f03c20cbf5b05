import { type Guard, Kind, OPAQUE, Shared, WHOLE } from "./shared-object.js";
import type { Store } from "./store.js";

/** A fixed number of shared 32-bit words: a page table, a bitmap, a column of a table. */
export class Words extends Shared {
  override readonly keyed = true;
  readonly #words: Uint32Array;

  constructor(store: Store, name: string, length: number, guard?: Guard) {
    super(store, name, guard);
    this.#words = new Uint32Array(length);
  }

  get length(): number {
    return this.#words.length;
  }

  get(index: number): number {
    const { task } = this.store;
    if (task === null) {
      if (this.guard !== null) this.checkGuard(Kind.Read);
      const value = this.#words[index];
      if (value === undefined) this.#refuse(index);
      return value;
    }
    if (task.replays(this, Kind.Read, index)) return task.recorded() as number;
    this.checkGuard(Kind.Read);
    const value = this.#words[index];
    if (value === undefined) this.#refuse(index);
    task.record(value);
    return value;
  }

  set(index: number, value: number): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, index)) {
      task.repeats(value);
      return;
    }
    if (this.guard !== null) this.checkGuard(Kind.Write);
    const old = this.#words[index];
    if (old === undefined) this.#refuse(index);
    const now = value >>> 0;
    if (old !== now) {
      this.#words[index] = now;
      if (store.journalling) store.changed(this, index, old, now);
    }
    task?.record(value);
  }

  /** Adds in one access; the word wraps. @returns the new word */
  add(index: number, delta: number): number {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, index)) return task.recorded() as number;
    if (this.guard !== null) this.checkGuard(Kind.Write);
    const old = this.#words[index];
    if (old === undefined) this.#refuse(index);
    const now = (old + delta) >>> 0;
    this.#words[index] = now;
    if (store.journalling) store.changed(this, index, old, now);
    task?.record(now);
    return now;
  }

  /** The words as they are, not to be written to; not an access. */
  peek(): Readonly<Uint32Array> {
    this.store.task?.peeks(this, WHOLE);
    return this.#words;
  }

  override digest(index: number): unknown {
    return index === WHOLE ? OPAQUE : this.#words[index];
  }

  #refuse(index: number): never {
    throw new RangeError(`${this.name} has no word ${index}: it has ${this.#words.length}`);
  }

  override restore(index: number, old: unknown): void {
    this.#words[index] = old as number;
  }
}

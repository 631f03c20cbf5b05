import { type Guard, Kind, LockError, Shared, type Store } from "@kvmm/interleave";

const SHIFT = 12;
const CHUNK = 1 << SHIFT;

/**
 * A number per page frame, 0 until written: one field of the memory map (struct page). Takes room in chunks of 4096
 * for frames that were touched.
 */
export class Column extends Shared {
  override readonly keyed = true;
  readonly #chunks: (Float64Array | undefined)[] = [];

  constructor(
    store: Store,
    name: string,
    guard?: Guard,
    /** A number that cannot change while a task may look at it (it holds a reference): no scheduling point. */
    private readonly isStable: boolean = false,
  ) {
    super(store, name, guard);
  }

  override isPoint(kind: Kind): boolean {
    return !this.isStable && super.isPoint(kind);
  }

  get(index: number): number {
    const { task } = this.store;
    if (task?.replays(this, Kind.Read, index)) return task.recorded() as number;
    const chunk = this.#chunks[index >>> SHIFT];
    const value = chunk === undefined ? 0 : chunk[index & (CHUNK - 1)]!;
    if (task !== null) task.record(value);
    return value;
  }

  set(index: number, value: number): void {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, index)) {
      task.recorded();
      return;
    }
    this.#put(index, value);
    task?.record(undefined);
  }

  /** Adds in one access. @returns the new value */
  add(index: number, delta: number): number {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, index)) return task.recorded() as number;
    const value = this.peek(index) + delta;
    this.#put(index, value);
    task?.record(value);
    return value;
  }

  /** Adds in one access unless the value is 0 (atomic_add_unless). @returns whether it did */
  addUnlessZero(index: number, delta: number): boolean {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, index)) return task.recorded() as boolean;
    const value = this.peek(index);
    if (value !== 0) this.#put(index, value + delta);
    task?.record(value !== 0);
    return value !== 0;
  }

  /** Sets and clears bits in one access. @returns the value from before */
  exchangeBits(index: number, set: number, clear: number): number {
    const { task } = this.store;
    if (task?.replays(this, Kind.Write, index)) return task.recorded() as number;
    const old = this.peek(index);
    this.#put(index, (old & ~clear) | set);
    task?.record(old);
    return old;
  }

  /** Waits until bit 0 is clear, and sets it (a bit lock). Alone: throws {@link LockError} if it is set. */
  lockBit(index: number): void {
    const { task } = this.store;
    if (task?.replays(this, Kind.Acquire, index)) {
      task.recorded();
      return;
    }
    const old = this.peek(index);
    if ((old & 1) !== 0) {
      throw new LockError(
        this,
        `${this.store.taskName(this.store.tid)} would wait for ever for ${this.name}[${index}]`,
      );
    }
    this.#put(index, old | 1);
    task?.record(undefined);
  }

  override isEnabled(kind: Kind, _task: number, index: number): boolean {
    return kind !== Kind.Acquire || (this.peek(index) & 1) === 0;
  }

  /** The value as it is; not an access. */
  peek(index: number): number {
    const chunk = this.#chunks[index >>> SHIFT];
    return chunk === undefined ? 0 : chunk[index & (CHUNK - 1)]!;
  }

  override digest(index: number): unknown {
    return this.peek(index);
  }

  #put(index: number, value: number): void {
    const chunk = this.#chunks[index >>> SHIFT] ?? this.#grow(index >>> SHIFT);
    const at = index & (CHUNK - 1);
    const old = chunk[at]!;
    if (old === value) return;
    chunk[at] = value;
    if (this.store.journalling) this.store.changed(this, index, old, value);
  }

  #grow(chunk: number): Float64Array {
    const made = new Float64Array(CHUNK);
    this.#chunks[chunk] = made;
    return made;
  }

  override restore(index: number, old: unknown): void {
    this.#chunks[index >>> SHIFT]![index & (CHUNK - 1)] = old as number;
  }
}

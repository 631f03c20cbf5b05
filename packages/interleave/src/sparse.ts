import { hashInto, outHi, outLo } from "./hash.js";
import { type Guard, Kind, OPAQUE, Shared, WHOLE } from "./shared-object.js";
import type { Store } from "./store.js";

const CHUNK = 512;

/** With more chunks than that, what depends on all of them is not foretold: hashing them would cost more. */
const MOST_HASHED = 64;

/**
 * Shared numbers under indices up to 2^53, most of them 0: what the kernel keeps in an xarray. Takes room for what is
 * not 0 only, in chunks of 512.
 */
export class Sparse extends Shared {
  override readonly keyed = true;
  readonly #chunks = new Map<number, Float64Array>();
  /** The keys of #chunks in order. */
  readonly #order: number[] = [];
  /** Hashes of chunks, by their keys, as far as they are known. */
  readonly #hashes = new Map<number, number>();

  constructor(store: Store, name: string, guard?: Guard) {
    super(store, name, guard);
  }

  get(index: number): number {
    const { task } = this.store;
    if (task === null) {
      if (this.guard !== null) this.checkGuard(Kind.Read);
      return this.#valueAt(index);
    }
    if (task.replays(this, Kind.Read, index)) return task.recorded() as number;
    this.checkGuard(Kind.Read);
    const value = this.#valueAt(index);
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
    if (!(Number.isSafeInteger(index) && index >= 0)) {
      throw new RangeError(`${this.name} has no index ${index}`);
    }
    if (this.guard !== null) this.checkGuard(Kind.Write);
    const old = this.#valueAt(index);
    if (old !== value) {
      this.#put(index, value);
      store.changed(this, index, old, value);
    }
    task?.record(value);
  }

  /** The first index in `[from, to)` whose number is not 0, or -1. One access to the range. */
  next(from: number, to: number): number {
    const { task } = this.store;
    if (task?.replays(this, Kind.Read, WHOLE)) return task.recorded() as number;
    if (this.guard !== null) this.checkGuard(Kind.Read);
    const found = this.#find(from, to);
    task?.record(found);
    return found;
  }

  /** The number as it is; not an access. */
  at(index: number): number {
    this.store.task?.peeks(this, index);
    return this.#valueAt(index);
  }

  #valueAt(index: number): number {
    const chunk = this.#chunks.get(Math.floor(index / CHUNK));
    return chunk === undefined ? 0 : (chunk[index % CHUNK] ?? 0);
  }

  /** {@link next}, not as an access. */
  seek(from: number, to: number): number {
    this.store.task?.peeks(this, WHOLE);
    return this.#find(from, to);
  }

  #find(from: number, to: number): number {
    const order = this.#order;
    const start = Math.max(0, Math.ceil(from));
    let low = this.#rank(Math.floor(start / CHUNK));
    for (; low < order.length && order[low]! * CHUNK < to; low++) {
      const base = order[low]! * CHUNK;
      const chunk = this.#chunks.get(order[low]!)!;
      const stop = Math.min(CHUNK, to - base);
      for (let i = Math.max(0, start - base); i < stop; i++) if (chunk[i] !== 0) return base + i;
    }
    return -1;
  }

  override digest(index: number): unknown {
    return index === WHOLE ? this.#digestOfAll() : this.#valueAt(index);
  }

  /** 53 bits of hash of all that is not 0. */
  #digestOfAll(): unknown {
    if (this.#order.length > MOST_HASHED) return OPAQUE;
    let sum = 0;
    for (const key of this.#order) {
      let hash = this.#hashes.get(key);
      if (hash === undefined) {
        hash = hashOfChunk(key, this.#chunks.get(key)!);
        this.#hashes.set(key, hash);
      }
      sum = (sum + hash) % 2 ** 53;
    }
    return sum;
  }

  #put(index: number, value: number): void {
    const key = Math.floor(index / CHUNK);
    let chunk = this.#chunks.get(key);
    if (chunk === undefined) {
      chunk = new Float64Array(CHUNK);
      this.#chunks.set(key, chunk);
      this.#order.splice(this.#rank(key), 0, key);
    }
    chunk[index % CHUNK] = value;
    if (this.#hashes.size > 0) this.#hashes.delete(key);
  }

  /** How many chunks stand before this one. */
  #rank(key: number): number {
    const order = this.#order;
    let low = 0;
    let high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order[middle]! < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  override restore(index: number, old: unknown): void {
    this.#put(index, old as number);
  }
}

/** A number below 2^53; 0 for a chunk of which nothing is left. */
function hashOfChunk(key: number, chunk: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < CHUNK; i++) {
    const value = chunk[i]!;
    if (value === 0) continue;
    const index = key * CHUNK + i;
    hashInto(value, index | 0, Math.floor(index / 0x1_0000_0000) | 0);
    sum = (sum + (outHi >>> 11) * 0x1_0000_0000 + (outLo >>> 0)) % 2 ** 53;
  }
  return sum;
}

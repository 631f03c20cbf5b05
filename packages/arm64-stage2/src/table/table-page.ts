import { Kind, mix, Shared } from "@kvmm/interleave";
import type { Pa } from "../address.js";
import { join } from "../descriptor/halves.js";
import { TYPE_TABLE_OR_PAGE } from "../descriptor/layout.js";
import { physToPteHi, physToPteLo } from "../descriptor/output-address.js";
import { TableError } from "./errors.js";
import type { TableMemory } from "./table-memory.js";

/** The halves of an entry, as a task has seen them. */
type Halves = readonly [lo: number, hi: number];

const FREED = new Int32Array(0);

/** What a page is made of, all zeros; `children` may hold anything. */
export interface TableStorage {
  readonly words: Int32Array;
  readonly children: (TablePage | undefined)[] | null;
}

/**
 * A page of descriptors, or the concatenated pages of the first level, with the reference count of each page: one
 * for whoever allocated it and one for each entry that is not 0. An entry is two signed 32-bit halves, and reading,
 * writing or exchanging one is a single access.
 */
export class TablePage extends Shared {
  override readonly keyed = true;
  /** The upper half of the entry that {@link read} returned last. */
  hi = 0;
  /** Where the page lies in physical memory. */
  readonly pa: Pa;
  /** The descriptor that points here. */
  readonly entryLo: number;
  readonly entryHi: number;
  /** Whether descriptors that point here are still good; kept by {@link TableMemory}. */
  isLive = false;
  /** The tables that entries were last found to point to: a cache, always compared with the descriptor. */
  children: (TablePage | undefined)[] | null;

  /** Lower half at 2 * index, upper half behind it. */
  #words: Int32Array;
  readonly #counts: Int32Array;
  readonly #ptrsShift: number;
  #quiet = false;
  #writes = false;

  /** Only {@link TableMemory.allocate} makes pages. */
  constructor(
    readonly memory: TableMemory,
    name: string,
    /** 1, or more for concatenated tables. */
    readonly pages: number,
    storage: TableStorage,
  ) {
    super(memory.store, name);
    this.#words = storage.words;
    this.children = storage.children;
    this.#counts = new Int32Array(pages);
    this.#ptrsShift = memory.geometry.ptrsShift;
    this.pa = memory.place(this);
    this.entryLo = physToPteLo(memory.layout, this.pa) | TYPE_TABLE_OR_PAGE;
    this.entryHi = physToPteHi(memory.layout, this.pa);
    for (let page = 0; page < pages; page++) this.#count(page, 1);
  }

  /** Number of entries. */
  get length(): number {
    return this.pages << this.#ptrsShift;
  }

  /**
   * READ_ONCE() of an entry. The upper half is left in {@link hi}.
   * @param quiet no other task can reach the page: the access is no scheduling point
   * @returns the lower half
   */
  read(index: number, quiet: boolean): number {
    if (this.store.task !== null) return this.#readAsTask(index, quiet);
    const words = this.#words;
    this.hi = words[2 * index + 1]!;
    return words[2 * index]!;
  }

  #readAsTask(index: number, quiet: boolean): number {
    const task = this.store.task!;
    this.#quiet = quiet;
    this.#writes = false;
    if (task.replays(this, Kind.Read, index)) {
      const [lo, hi] = task.recorded() as Halves;
      this.hi = hi;
      return lo;
    }
    this.#checkLive(index);
    const lo = this.#words[2 * index]!;
    const hi = this.#words[2 * index + 1]!;
    task.record([lo, hi] satisfies Halves);
    this.hi = hi;
    return lo;
  }

  /** WRITE_ONCE(), and smp_store_release(), of an entry. */
  write(index: number, lo: number, hi: number, quiet: boolean): void {
    const { task } = this.store;
    if (task !== null) {
      this.#quiet = quiet;
      this.#writes = true;
      if (task.replays(this, Kind.Write, index)) {
        task.repeats(mix(lo, hi));
        return;
      }
    }
    this.#change(index, lo, hi);
    if (task !== null) task.record(mix(lo, hi));
  }

  /** cmpxchg() of an entry. @returns whether it had the old value and has the new one now */
  compareExchange(index: number, oldLo: number, oldHi: number, lo: number, hi: number): boolean {
    const { task } = this.store;
    if (task !== null) {
      this.#quiet = false;
      this.#writes = true;
      if (task.replays(this, Kind.Write, index)) return task.recorded() as boolean;
    }
    const same = this.#words[2 * index] === oldLo && this.#words[2 * index + 1] === oldHi;
    if (same) this.#change(index, lo, hi);
    if (task !== null) task.record(same);
    return same;
  }

  /**
   * smp_store_release() of an entry that should have the old value, and that nobody else then changes: the check and the
   * store are one access. @returns whether it had the old value
   */
  replace(index: number, oldLo: number, oldHi: number, lo: number, hi: number, quiet: boolean): boolean {
    const { task } = this.store;
    if (task !== null) {
      this.#quiet = quiet;
      this.#writes = true;
      if (task.replays(this, Kind.Write, index)) return task.recorded() as boolean;
    }
    const same = this.#words[2 * index] === oldLo && this.#words[2 * index + 1] === oldHi;
    this.#change(index, lo, hi);
    if (task !== null) task.record(same);
    return same;
  }

  /** What `TableMemory.child` finds, kept for when the path is repeated: the table may have been freed by then. */
  childAsTask(index: number, lo: number, hi: number): TablePage {
    const task = this.store.task!;
    this.#quiet = true;
    if (task.replays(this, Kind.Read, index)) return task.recorded() as TablePage;
    const child = this.memory.find(this, index, lo, hi);
    task.record(child);
    return child;
  }

  /** mm_ops->get_page() on the page that holds an entry. */
  getPage(index: number): void {
    this.#adjust(index >> this.#ptrsShift, 1);
  }

  /** mm_ops->put_page() on the page that holds an entry. @returns the references left; at 0 the page is freed */
  putPage(index: number): number {
    return this.#adjust(index >> this.#ptrsShift, -1);
  }

  /** mm_ops->page_count() of the page that holds an entry. Read by walkers that no other can disturb. */
  pageCount(index: number): number {
    const { task } = this.store;
    const page = index >> this.#ptrsShift;
    if (task !== null) {
      this.#quiet = true;
      if (task.replays(this, Kind.Read, this.length + page)) return task.recorded() as number;
    }
    const count = this.#counts[page]!;
    if (task !== null) task.record(count);
    return count;
  }

  /** free_pages_exact(): frees all pages at once, whatever their counts. */
  free(): void {
    for (let page = 0; page < this.pages; page++)
      this.#adjust(page, -this.pageCount(page << this.#ptrsShift));
  }

  /** The entry as it is; not an access. */
  peek(index: number): bigint {
    return join(this.#words[2 * index]!, this.#words[2 * index + 1]!);
  }

  /** The descriptor that points here. */
  peekEntry(): bigint {
    return join(this.entryLo, this.entryHi);
  }

  /** All halves as they are, not to be written to; not an access. Empty once the page is freed. */
  peekWords(): Readonly<Int32Array> {
    return this.isLive ? this.#words : FREED;
  }

  /** The reference count of a page as it is; not an access. */
  peekCount(page = 0): number {
    return this.#counts[page]!;
  }

  /** Gives its storage away for another page; this one is freed and cannot come back. */
  surrender(): TableStorage {
    const storage = { words: this.#words, children: this.children };
    this.#words = FREED;
    this.children = null;
    return storage;
  }

  #change(index: number, lo: number, hi: number): void {
    const words = this.#words;
    const { store, memory } = this;
    const at = 2 * index;
    if (store.task !== null) this.#checkLive(index);
    if (store.journalling) {
      const oldLo = words[at]!;
      const oldHi = words[at + 1]!;
      if (oldLo !== lo) store.changed(this, at, oldLo, lo);
      if (oldHi !== hi) store.changed(this, at + 1, oldHi, hi);
    }
    words[at] = lo;
    words[at + 1] = hi;
    if (memory.onWrite !== null) memory.onWrite(this, index, lo, hi);
  }

  #adjust(page: number, delta: number): number {
    const { task } = this.store;
    if (task !== null) {
      // References are counted atomically and only read by walkers that run alone: no scheduling point.
      this.#quiet = true;
      if (task.replays(this, Kind.Write, this.length + page)) return task.recorded() as number;
    }
    const count = this.#count(page, delta);
    if (task !== null) task.record(count);
    return count;
  }

  #count(page: number, delta: number): number {
    const old = this.#counts[page]!;
    const now = old + delta;
    if (now < 0)
      throw new TableError("early free", this, `the last reference to ${this.name} is dropped twice`);
    this.#counts[page] = now;
    if (this.store.journalling) this.store.changed(this, 2 * this.length + page, old, now);
    if (old === 0 || now === 0) this.memory.follow(this, this.#isAllocated());
    return now;
  }

  #isAllocated(): boolean {
    for (let page = 0; page < this.pages; page++) if (this.#counts[page] !== 0) return true;
    return false;
  }

  #checkLive(index: number): void {
    if (this.isLive) return;
    throw new TableError(
      "use after free",
      this,
      `entry ${index} of ${this.name} is used after the table was freed`,
    );
  }

  override isPoint(): boolean {
    if (this.#quiet) return false;
    const { lock, hasDevices } = this.memory;
    return lock === null || (hasDevices && this.#writes) || !lock.isHeldExclusively();
  }

  /**
   * What accesses to an entry depend on: its halves, whether the page may still be used, and which table it leads to. Or
   * the reference count of a page. Journalled under other keys than it is accessed.
   */
  override digest(key: number): unknown {
    if (key >= this.length) return this.#counts[key - this.length] ?? null;
    const lo = this.#words[2 * key]!;
    const hi = this.#words[2 * key + 1]!;
    return `${this.isLive ? "" : "freed "}${lo} ${hi} ${this.memory.pointedTo(lo, hi)?.id ?? ""}`;
  }

  override restore(key: number, old: unknown): void {
    const value = old as number;
    const page = key - 2 * this.length;
    if (page < 0) {
      this.#words[key] = value;
      return;
    }
    this.#counts[page] = value;
    this.memory.follow(this, this.#isAllocated());
  }
}

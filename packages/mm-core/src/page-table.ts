import { type Guard, Kind, Shared, type Store } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, PGDIR_SIZE, PMD_SIZE, PUD_SIZE } from "./addresses.js";
import type { Pte } from "./pte.js";

const ENTRIES = 512;

/** Bytes that one entry of a table maps, by level: 0 is a table of PTEs, 3 the PGD. */
export const ENTRY_SIZE = [PAGE_SIZE, PMD_SIZE, PUD_SIZE, PGDIR_SIZE] as const;
export type Level = 0 | 1 | 2 | 3;

/** One page of a process' page table: 512 entries, each empty, a leaf, or a table of the level below. */
export class Table extends Shared {
  override readonly keyed = true;
  readonly #entries = new Float64Array(ENTRIES);
  readonly #children: (Table | null)[];
  readonly #entrySize: number;

  constructor(
    store: Store,
    readonly level: Level,
    /** First address that it maps. */
    readonly base: Hva,
    guard: Guard,
    /** What it holds from the beginning, by index; left out: nothing. */
    entries?: (index: number) => Pte,
  ) {
    super(store, `page table of ${base.toString(16)} at level ${level}`, guard);
    this.#entrySize = ENTRY_SIZE[level];
    if (entries !== undefined)
      for (let index = 0; index < ENTRIES; index++) this.#entries[index] = entries(index);
    this.#children = level === 0 ? NO_CHILDREN : new Array<Table | null>(ENTRIES).fill(null);
  }

  /** Index of the entry that maps an address. */
  indexOf(address: Hva): number {
    return (((address - this.base) / this.#entrySize) | 0) & (ENTRIES - 1);
  }

  /** The leaf entry, 0 where there is none (or a table). */
  get(index: number): Pte {
    const { task } = this.store;
    if (task?.replays(this, Kind.Read, index)) return task.recorded() as Pte;
    const value = this.#entries[index]!;
    if (task !== null) task.record(value);
    return value;
  }

  set(index: number, pte: Pte): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, index)) {
      task.recorded();
      return;
    }
    this.checkGuard(Kind.Write);
    const old = this.#entries[index]!;
    if (old !== pte) {
      this.#entries[index] = pte;
      if (store.journalling) store.changed(this, index, old, pte);
    }
    task?.record(undefined);
  }

  /**
   * What the hardware does to an entry that it walks: sets the access flag, and on a write the dirty state, if the
   * entry is still what it saw. One access. @returns whether it was
   */
  hardwareUpdate(index: number, seen: Pte, now: Pte): boolean {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, index)) return task.recorded() as boolean;
    const same = this.#entries[index] === seen;
    if (same && seen !== now) {
      this.#entries[index] = now;
      if (store.journalling) store.changed(this, index, seen, now);
    }
    task?.record(same);
    return same;
  }

  /** The table below an entry, or null. */
  child(index: number): Table | null {
    const { task } = this.store;
    if (task?.replays(this, Kind.Read, index)) return task.recorded() as Table | null;
    const value = this.#children[index]!;
    if (task !== null) task.record(value);
    return value;
  }

  setChild(index: number, table: Table | null): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, index)) {
      task.recorded();
      return;
    }
    this.checkGuard(Kind.Write);
    const old = this.#children[index]!;
    if (old !== table) {
      this.#children[index] = table;
      if (store.journalling) store.changed(this, ENTRIES + index, old, table);
    }
    task?.record(undefined);
  }

  /** Entry and child as they are; not an access. */
  peek(index: number): { readonly pte: Pte; readonly child: Table | null } {
    return { pte: this.#entries[index]!, child: this.level === 0 ? null : this.#children[index]! };
  }

  /** No entry in use? As it is. */
  isEmpty(): boolean {
    return this.#entries.every((pte) => pte === 0) && this.#children.every((child) => child === null);
  }

  override digest(key: number): unknown {
    const index = key % ENTRIES;
    const pte = this.#entries[index]!;
    const child = this.#children[index] ?? null;
    if (child === null) return pte;
    return pte === 0 ? child : `${pte} ${child.id}`;
  }

  override restore(key: number, old: unknown): void {
    if (key < ENTRIES) this.#entries[key] = old as Pte;
    else this.#children[key - ENTRIES] = old as Table | null;
  }
}

const NO_CHILDREN: (Table | null)[] = [];

import { type Shared, Sparse, type Store } from "@kvmm/interleave";
import type { Node, Pfn } from "./addresses.js";
import { Column } from "./column.js";

/** Flags of a frame (page flags, PG_*). */
export const PageFlag = {
  locked: 1 << 0,
  uptodate: 1 << 1,
  dirty: 1 << 2,
  /** In the page cache or mapped as anonymous memory: on a list of the LRU unless unevictable. */
  lru: 1 << 3,
  unevictable: 1 << 4,
  swapbacked: 1 << 5,
  anon: 1 << 6,
  /** PG_anon_exclusive: the one process that maps it may write without a copy. */
  anonExclusive: 1 << 7,
  hwpoison: 1 << 8,
  ksm: 1 << 9,
  referenced: 1 << 10,
} as const;

/** A count went wrong: a bug in the model, or a behaviour under review that breaks the kernel's rules. */
export class FrameError extends Error {
  override name = "FrameError";
}

const FIRST_PFN = 1;

/**
 * Host memory: page frames on NUMA nodes, with what struct page says of each. A frame is free while its reference
 * count is 0. Frames of a node are handed out in ascending order and, once freed, last in, first out; there is no
 * buddy system behind it, so that nothing is said about fragmentation.
 */
export class Frames {
  readonly refcount: Column;
  readonly mapcount: Column;
  readonly flags: Column;
  /** Page offset within the mapping (folio->index). */
  readonly index: Column;
  /** What a guest or the VMM reads in the frame's first word: contents as far as they can be observed. */
  readonly word: Column;
  /** Who touched it last for NUMA balancing (folio_last_cpupid), plus one; 0 when unset. */
  readonly lastCpupid: Column;
  readonly #mapping: Column;
  readonly #nextFree: Column;
  readonly #nodeState: Sparse;
  readonly #owners = new Map<number, Shared>();

  constructor(
    store: Store,
    readonly nodes: number,
    /** Frames per node. */
    readonly framesPerNode: number,
  ) {
    this.refcount = new Column(store, "folio->_refcount");
    this.mapcount = new Column(store, "folio->_mapcount");
    this.flags = new Column(store, "folio->flags");
    this.index = new Column(store, "folio->index");
    this.word = new Column(store, "page contents");
    this.lastCpupid = new Column(store, "folio->_last_cpupid");
    this.#mapping = new Column(store, "folio->mapping");
    this.#nextFree = new Column(store, "free list");
    this.#nodeState = new Sparse(store, "zone");
  }

  nodeOf(pfn: Pfn): Node {
    return Math.floor((pfn - FIRST_PFN) / this.framesPerNode);
  }

  /** Frames in use on a node, as it is. */
  used(node: Node): number {
    return this.#nodeState.at(3 * node + USED);
  }

  /**
   * Takes a frame with one reference, zeroed (`word` 0), from `node`, else from the nearest other one that `allowed`
   * holds.
   * @param allowed nodes to take from; null: all
   * @returns its pfn, or null when all of them are full
   */
  alloc(node: Node, allowed: readonly Node[] | null = null): Pfn | null {
    for (let distance = 0; distance < this.nodes; distance++) {
      const candidate = (node + distance) % this.nodes;
      if (allowed !== null && !allowed.includes(candidate)) continue;
      const pfn = this.#take(candidate);
      if (pfn !== null) {
        this.refcount.set(pfn, 1);
        return pfn;
      }
    }
    return null;
  }

  #take(node: Node): Pfn | null {
    const state = this.#nodeState;
    const free = state.get(3 * node + FREE);
    let pfn: Pfn;
    if (free !== 0) {
      pfn = free;
      state.set(3 * node + FREE, this.#nextFree.get(pfn));
    } else {
      const used = state.get(3 * node + FRESH);
      if (used === this.framesPerNode) return null;
      state.set(3 * node + FRESH, used + 1);
      pfn = FIRST_PFN + node * this.framesPerNode + used;
    }
    state.set(3 * node + USED, state.get(3 * node + USED) + 1);
    return pfn;
  }

  /** folio_get() */
  get(pfn: Pfn): void {
    if (this.refcount.add(pfn, 1) === 1) throw new FrameError(`reference taken to free frame ${pfn}`);
  }

  /** folio_try_get(): fails on a free frame. */
  tryGet(pfn: Pfn): boolean {
    if (this.refcount.get(pfn) === 0) return false;
    this.get(pfn);
    return true;
  }

  /** folio_put(): frees the frame with the last reference. */
  put(pfn: Pfn): void {
    const left = this.refcount.add(pfn, -1);
    if (left < 0) throw new FrameError(`frame ${pfn} put once too often`);
    if (left === 0) this.#free(pfn);
  }

  #free(pfn: Pfn): void {
    if (this.mapcount.get(pfn) !== 0) throw new FrameError(`frame ${pfn} freed while mapped`);
    const flags = this.flags.get(pfn);
    this.#mapping.set(pfn, 0);
    this.index.set(pfn, 0);
    this.word.set(pfn, 0);
    this.lastCpupid.set(pfn, 0);
    const node = this.nodeOf(pfn);
    const state = this.#nodeState;
    state.set(3 * node + USED, state.get(3 * node + USED) - 1);
    this.flags.set(pfn, flags & PageFlag.hwpoison);
    // A poisoned frame is never handed out again.
    if (flags & PageFlag.hwpoison) return;
    this.#nextFree.set(pfn, state.get(3 * node + FREE));
    state.set(3 * node + FREE, pfn);
  }

  test(pfn: Pfn, flag: number): boolean {
    return (this.flags.get(pfn) & flag) !== 0;
  }

  mark(pfn: Pfn, set: number, clear = 0): void {
    this.flags.exchangeBits(pfn, set, clear);
  }

  /** folio_trylock() */
  trylock(pfn: Pfn): boolean {
    return (this.flags.exchangeBits(pfn, PageFlag.locked, 0) & PageFlag.locked) === 0;
  }

  /** folio_lock(). Alone: throws a LockError if it is locked. */
  lock(pfn: Pfn): void {
    this.flags.lockBit(pfn);
  }

  unlock(pfn: Pfn): void {
    if ((this.flags.exchangeBits(pfn, 0, PageFlag.locked) & PageFlag.locked) === 0) {
      throw new FrameError(`frame ${pfn} unlocked, but it was not locked`);
    }
  }

  /** The address space or anon_vma that the frame belongs to (folio->mapping). */
  mapping(pfn: Pfn): Shared | null {
    const id = this.#mapping.get(pfn);
    return id === 0 ? null : this.#owners.get(id)!;
  }

  setMapping(pfn: Pfn, owner: Shared | null, index: number): void {
    if (owner !== null) this.#owners.set(owner.id, owner);
    this.#mapping.set(pfn, owner === null ? 0 : owner.id);
    this.index.set(pfn, index);
  }
}

const FREE = 0;
const FRESH = 1;
const USED = 2;

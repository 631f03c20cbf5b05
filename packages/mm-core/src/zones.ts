import { Sparse, type Store } from "@kvmm/interleave";
import type { Node, Pfn } from "./addresses.js";
import { Column } from "./column.js";

/** Folios have 1, 2^9 or 2^18 pages: what a PTE, a PMD or a PUD entry maps. */
export type Order = 0 | 9 | 18;

/** Pages that a PMD entry maps. */
export const PMD_NR = 2 ** 9;
const PUD_NR = 2 ** 18;

/** Nodes begin at multiples of the largest folio, so that pfns are as aligned as the folios are. */
const FIRST_PFN = PUD_NR;

/** What is kept per node: the free lists, how many frames were taken from its beginning and from its end, and how many are in use. */
const FREE = 0;
const FREE_LARGE = 1;
const FRESH = 2;
const TOP = 3;
const USED = 4;
const FIELDS = 5;

/**
 * The free frames of each node. Small ones are handed out in ascending order, large folios from the end downwards, and
 * what was freed goes first: last in, first out. There is no buddy system behind it: a large folio that was broken up
 * stays so, and nothing is said about fragmentation.
 */
export class Zones {
  readonly #nextFree: Column;
  readonly #state: Sparse;
  /** Pfns from one node to the next. */
  readonly #span: number;

  constructor(
    store: Store,
    readonly nodes: number,
    readonly framesPerNode: number,
  ) {
    this.#nextFree = new Column(store, "free list");
    this.#state = new Sparse(store, "zone");
    this.#span = Math.ceil(framesPerNode / PUD_NR) * PUD_NR;
  }

  nodeOf(pfn: Pfn): Node {
    return Math.floor((pfn - FIRST_PFN) / this.#span);
  }

  /** Frames in use on a node, as it is. */
  used(node: Node): number {
    return this.#state.at(FIELDS * node + USED);
  }

  /** Frames of a node come into use, or (negative) go out of it. */
  count(node: Node, frames: number): void {
    const state = this.#state;
    state.set(FIELDS * node + USED, state.get(FIELDS * node + USED) + frames);
  }

  /** @returns a frame that is on no list any more, or null when the node is full */
  takeSmall(node: Node): Pfn | null {
    const state = this.#state;
    const free = state.get(FIELDS * node + FREE);
    if (free !== 0) {
      state.set(FIELDS * node + FREE, this.#nextFree.get(free));
      return free;
    }
    const used = state.get(FIELDS * node + FRESH);
    if (used < this.framesPerNode - state.get(FIELDS * node + TOP)) {
      state.set(FIELDS * node + FRESH, used + 1);
      return FIRST_PFN + node * this.#span + used;
    }
    const large = state.get(FIELDS * node + FREE_LARGE);
    if (large === 0) return null;
    state.set(FIELDS * node + FREE_LARGE, this.#nextFree.get(large));
    for (let page = PMD_NR - 1; page > 0; page--) this.#push(node, FREE, large + page);
    return large;
  }

  /** @returns the first of so many frames in a row, or null when the node has none */
  takeLarge(node: Node, order: 9 | 18): Pfn | null {
    const state = this.#state;
    const free = order === 9 ? state.get(FIELDS * node + FREE_LARGE) : 0;
    if (free !== 0) {
      state.set(FIELDS * node + FREE_LARGE, this.#nextFree.get(free));
      return free;
    }
    const limit = this.framesPerNode - state.get(FIELDS * node + TOP);
    const size = 2 ** order;
    const begin = Math.floor(limit / size) * size - size;
    if (begin < state.get(FIELDS * node + FRESH)) return null;
    state.set(FIELDS * node + TOP, this.framesPerNode - begin);
    const first = FIRST_PFN + node * this.#span;
    // What lies between this folio and the ones taken before.
    const end = Math.floor(limit / PMD_NR) * PMD_NR;
    for (let at = begin + size; at < end; at += PMD_NR) this.#push(node, FREE_LARGE, first + at);
    for (let at = Math.max(end, begin + size); at < limit; at++) this.#push(node, FREE, first + at);
    return first + begin;
  }

  /** A small frame is free. */
  giveSmall(pfn: Pfn): void {
    this.#push(this.nodeOf(pfn), FREE, pfn);
  }

  /** 2^9 frames are free. */
  giveLarge(pfn: Pfn): void {
    this.#push(this.nodeOf(pfn), FREE_LARGE, pfn);
  }

  /** Takes a certain small frame off its list. @returns whether it was on it */
  remove(pfn: Pfn): boolean {
    const state = this.#state;
    const list = FIELDS * this.nodeOf(pfn) + FREE;
    const next = this.#nextFree.get(pfn);
    let before = state.get(list);
    if (before === pfn) state.set(list, next);
    else {
      while (before !== 0 && this.#nextFree.get(before) !== pfn) before = this.#nextFree.get(before);
      if (before === 0) return false;
      this.#nextFree.set(before, next);
    }
    return true;
  }

  /** Where a large folio can begin on a node, in use or not: from the lowest that was ever taken. */
  *largeBlocks(node: Node): Generator<Pfn> {
    const base = FIRST_PFN + node * this.#span;
    const first = this.framesPerNode - this.#state.get(FIELDS * node + TOP);
    for (let pfn = base + first - (first % PMD_NR); pfn < base + this.framesPerNode; pfn += PMD_NR) yield pfn;
  }

  #push(node: Node, list: number, pfn: Pfn): void {
    const state = this.#state;
    this.#nextFree.set(pfn, state.get(FIELDS * node + list));
    state.set(FIELDS * node + list, pfn);
  }
}

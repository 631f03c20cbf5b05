import { Flat } from "./flat.js";
import { hashOf, mix } from "./hash.js";
import { type Guard, Kind, Shared } from "./shared-object.js";
import type { Store } from "./store.js";

/** A range `[start, end)` and what stands there. Ranges with equal start are told apart by `tie`. */
export interface Entry<V> {
  readonly start: number;
  readonly end: number;
  readonly tie: number;
  readonly value: V;
}

interface Node<V> extends Entry<V> {
  readonly priority: number;
  /** Number of ranges in this subtree. */
  readonly size: number;
  /** Largest end in this subtree. */
  readonly maxEnd: number;
  readonly left: Tree<V>;
  readonly right: Tree<V>;
}

type Tree<V> = Node<V> | null;

/**
 * Ranges in order of their start: what the kernel keeps in maple, rb- and interval trees. A persistent treap: a
 * change copies O(log n) nodes and leaves the old tree as it was, so that going back is a pointer, and its shape is
 * a function of its content. Ranges may overlap.
 */
export class Ordered<V extends Shared> extends Shared {
  #root: Tree<V> = null;
  #askedRoot: Tree<V> = null;
  #asked = 0;
  #flat: Flat<V> | null = null;
  /** What the journalled changes have made of the content: a hash of the ranges that came or went. */
  #lo = 0;
  #hi = 0;

  constructor(store: Store, name: string, guard?: Guard) {
    super(store, name, guard);
  }

  /** How many ranges there are. */
  get size(): number {
    return this.#read(0, 0, (root) => root?.size ?? 0);
  }

  /** Adds a range, or replaces the one with the same start and tie. */
  set(start: number, end: number, value: V, tie = 0): void {
    if (!(start <= end)) throw new RangeError(`${this.name}: a range from ${start} to ${end}`);
    this.#write(start, tie, { start, end, tie, value });
  }

  /** Removes the range with this start and tie, if there is one. */
  delete(start: number, tie = 0): void {
    this.#write(start, tie, null);
  }

  /** The value of the range with exactly this start and tie. */
  get(start: number, tie = 0): V | undefined {
    return this.#read(start, tie, exact<V>);
  }

  /** The first range, by start, that ends after `from` and begins before `to`. */
  first(from: number, to: number): V | undefined {
    return this.#read(from, to, this.#first);
  }

  /** All ranges that overlap `[from, to)`, by start. */
  overlapping(from: number, to: number): readonly V[] {
    return this.#read(from, to, this.#overlapping);
  }

  /** The last range that begins at or before `at`. */
  floor(at: number): V | undefined {
    return this.#read(at, 0, this.#floor);
  }

  /** The first range that begins at or after `at`. */
  ceiling(at: number): V | undefined {
    return this.#read(at, 0, ceilingOf<V>);
  }

  /** All values in order, as they are; not an access. */
  peek(): readonly V[] {
    this.store.task?.peeks(this, 0);
    return overlaps(this.#root, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  readonly #first = (root: Tree<V>, from: number, to: number): V | undefined => {
    const flat = this.#flatten(root);
    return flat === null ? firstOverlap(root, from, to) : flat.first(from, to);
  };

  readonly #overlapping = (root: Tree<V>, from: number, to: number): readonly V[] => {
    const flat = this.#flatten(root);
    return flat?.isDisjoint ? flat.overlapping(from, to) : overlaps(root, from, to);
  };

  readonly #floor = (root: Tree<V>, at: number): V | undefined => {
    const flat = this.#flatten(root);
    return flat === null ? floorOf(root, at) : flat.floor(at);
  };

  /**
   * The tree as arrays, which stay in the caches of the machine where its nodes do not; null until it has been asked
   * as often as it has ranges since it was changed last, so that making them costs no more than asking did. Follows
   * from the tree: no part of the state.
   */
  #flatten(root: Tree<V>): Flat<V> | null {
    if (root !== this.#askedRoot) {
      this.#askedRoot = root;
      this.#asked = 0;
      this.#flat = null;
    }
    if (this.#flat !== null) return this.#flat;
    if (root === null || root.size < SMALL || ++this.#asked < root.size) return null;
    this.#flat = new Flat(inOrder(root));
    return this.#flat;
  }

  #read<R>(a: number, b: number, reader: (root: Tree<V>, a: number, b: number) => R): R {
    const { task } = this.store;
    if (task?.replays(this, Kind.Read, a)) return task.recorded() as R;
    if (this.guard !== null) this.checkGuard(Kind.Read);
    const result = reader(this.#root, a, b);
    task?.record(result);
    return result;
  }

  #write(start: number, tie: number, entry: Entry<V> | null): void {
    const { store } = this;
    const { task } = store;
    if (task?.replays(this, Kind.Write, start)) {
      task.recorded();
      return;
    }
    if (this.guard !== null) this.checkGuard(Kind.Write);
    const before = this.#root;
    const old = find(before, start, tie);
    const rest = old === null ? before : remove(before, start, tie);
    this.#root = entry === null ? rest : insert(rest, entry);
    if (store.journalling && this.#root !== before) {
      const was: Version<V> = { root: before, lo: this.#lo, hi: this.#hi };
      if (old !== null) this.#toggle(old);
      if (entry !== null) this.#toggle(entry);
      store.changedUnhashed(this, 0, was, { root: this.#root, lo: this.#lo, hi: this.#hi });
      store.rehash(this, start, old && [old.end, tie, old.value], entry && [entry.end, tie, entry.value]);
    }
    task?.record(undefined);
  }

  #toggle({ start, end, tie, value }: Entry<V>): void {
    const [lo, hi] = hashOf([start, end, tie, value]);
    this.#lo ^= lo;
    this.#hi ^= hi;
  }

  override digest(): unknown {
    return (this.#hi >>> 11) * 0x1_0000_0000 + (this.#lo >>> 0);
  }

  override restore(_key: number, old: unknown): void {
    const { root, lo, hi } = old as Version<V>;
    this.#root = root;
    this.#lo = lo;
    this.#hi = hi;
  }
}

/** Trees below this are as fast as arrays. */
const SMALL = 64;

function inOrder<V>(root: Tree<V>, into: Node<V>[] = []): readonly Node<V>[] {
  if (root === null) return into;
  inOrder(root.left, into);
  into.push(root);
  return inOrder(root.right, into);
}

/** What the journal keeps of a tree. */
interface Version<V> {
  readonly root: Tree<V>;
  readonly lo: number;
  readonly hi: number;
}

function node<V>(entry: Entry<V>, priority: number, left: Tree<V>, right: Tree<V>): Node<V> {
  let { end } = entry;
  let size = 1;
  if (left !== null) {
    size += left.size;
    if (left.maxEnd > end) end = left.maxEnd;
  }
  if (right !== null) {
    size += right.size;
    if (right.maxEnd > end) end = right.maxEnd;
  }
  return {
    start: entry.start,
    end: entry.end,
    tie: entry.tie,
    value: entry.value,
    priority,
    size,
    maxEnd: end,
    left,
    right,
  };
}

/** Below zero: the key stands before the entry. */
function compare(start: number, tie: number, entry: Entry<unknown>): number {
  return start === entry.start ? tie - entry.tie : start - entry.start;
}

function priorityOf(start: number, tie: number): number {
  return mix(mix(start | 0, (start / 0x1_0000_0000) | 0), tie);
}

function find<V>(root: Tree<V>, start: number, tie: number): Tree<V> {
  let at = root;
  while (at !== null) {
    const order = compare(start, tie, at);
    if (order === 0) return at;
    at = order < 0 ? at.left : at.right;
  }
  return null;
}

function insert<V>(root: Tree<V>, entry: Entry<V>): Node<V> {
  return place(root, entry, priorityOf(entry.start, entry.tie));
}

function place<V>(root: Tree<V>, entry: Entry<V>, priority: number): Node<V> {
  if (root === null || isAbove(priority, entry, root)) {
    const [left, right] = split(root, entry.start, entry.tie);
    return node(entry, priority, left, right);
  }
  return compare(entry.start, entry.tie, root) < 0
    ? node(root, root.priority, place(root.left, entry, priority), root.right)
    : node(root, root.priority, root.left, place(root.right, entry, priority));
}

/** Of equal priorities, the one whose key comes first is nearer to the root. */
function isAbove(priority: number, entry: Entry<unknown>, root: Node<unknown>): boolean {
  return priority === root.priority ? compare(entry.start, entry.tie, root) < 0 : priority > root.priority;
}

/** What stands before the key, and what stands behind it. */
function split<V>(root: Tree<V>, start: number, tie: number): [Tree<V>, Tree<V>] {
  if (root === null) return [null, null];
  if (compare(start, tie, root) < 0) {
    const [left, right] = split(root.left, start, tie);
    return [left, node(root, root.priority, right, root.right)];
  }
  const [left, right] = split(root.right, start, tie);
  return [node(root, root.priority, root.left, left), right];
}

function remove<V>(root: Tree<V>, start: number, tie: number): Tree<V> {
  if (root === null) return null;
  const order = compare(start, tie, root);
  if (order === 0) return join(root.left, root.right);
  return order < 0
    ? node(root, root.priority, remove(root.left, start, tie), root.right)
    : node(root, root.priority, root.left, remove(root.right, start, tie));
}

function join<V>(left: Tree<V>, right: Tree<V>): Tree<V> {
  if (left === null) return right;
  if (right === null) return left;
  return left.priority >= right.priority
    ? node(left, left.priority, left.left, join(left.right, right))
    : node(right, right.priority, join(left, right.left), right.right);
}

function exact<V>(root: Tree<V>, start: number, tie: number): V | undefined {
  return find(root, start, tie)?.value;
}

function firstOverlap<V>(root: Tree<V>, from: number, to: number): V | undefined {
  if (root === null || root.maxEnd <= from) return undefined;
  const left = firstOverlap(root.left, from, to);
  if (left !== undefined) return left;
  if (root.start >= to) return undefined;
  return root.end > from ? root.value : firstOverlap(root.right, from, to);
}

function overlaps<V>(root: Tree<V>, from: number, to: number): readonly V[] {
  const found: V[] = [];
  collect(root, from, to, found);
  return found;
}

function collect<V>(root: Tree<V>, from: number, to: number, found: V[]): void {
  if (root === null || root.maxEnd <= from) return;
  collect(root.left, from, to, found);
  if (root.start >= to) return;
  if (root.end > from) found.push(root.value);
  collect(root.right, from, to, found);
}

function floorOf<V>(root: Tree<V>, at: number): V | undefined {
  let here = root;
  let best: V | undefined;
  while (here !== null) {
    if (here.start <= at) {
      best = here.value;
      here = here.right;
    } else here = here.left;
  }
  return best;
}

function ceilingOf<V>(root: Tree<V>, at: number): V | undefined {
  let here = root;
  let best: V | undefined;
  while (here !== null) {
    if (here.start >= at) {
      best = here.value;
      here = here.left;
    } else here = here.right;
  }
  return best;
}

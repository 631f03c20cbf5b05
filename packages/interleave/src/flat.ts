/** Ranges in order of their start, as arrays: what a tree becomes that is asked more often than it is changed. */
export class Flat<V> {
  readonly #starts: Float64Array;
  /** The largest end of a range and those before it: grows, so that it can be searched. */
  readonly #reach: Float64Array;
  readonly #values: readonly V[];
  /** Does no range overlap another? */
  readonly isDisjoint: boolean;

  constructor(ranges: readonly { readonly start: number; readonly end: number; readonly value: V }[]) {
    this.#starts = new Float64Array(ranges.length);
    this.#reach = new Float64Array(ranges.length);
    this.#values = ranges.map(({ value }) => value);
    let reach = Number.NEGATIVE_INFINITY;
    let isDisjoint = true;
    for (const [at, { start, end }] of ranges.entries()) {
      if (start < reach) isDisjoint = false;
      reach = Math.max(reach, end);
      this.#starts[at] = start;
      this.#reach[at] = reach;
    }
    this.isDisjoint = isDisjoint;
  }

  /** The first range, by start, that ends after `from` and begins before `to`. */
  first(from: number, to: number): V | undefined {
    // Where the reach first gets beyond `from`, it is this range's own end that does.
    const at = firstAbove(this.#reach, from);
    return at < this.#values.length && this.#starts[at]! < to ? this.#values[at] : undefined;
  }

  /** All ranges that end after `from` and begin before `to`, by start. Only where they are disjoint. */
  overlapping(from: number, to: number): readonly V[] {
    const first = firstAbove(this.#reach, from);
    let end = first;
    while (end < this.#starts.length && this.#starts[end]! < to) end++;
    return this.#values.slice(first, end);
  }

  /** The last range that begins at or before `at`. */
  floor(at: number): V | undefined {
    return this.#values[firstAbove(this.#starts, at) - 1];
  }
}

/**
 * The index of the first number that is larger, or the length. Always halves, and never branches on what it compares: a
 * processor guesses half of such branches wrong, and that costs more than the comparisons.
 */
function firstAbove(sorted: Float64Array, than: number): number {
  let length = sorted.length;
  if (length === 0) return 0;
  let low = 0;
  while (length > 1) {
    const half = length >>> 1;
    low += Math.imul(half, Number(sorted[low + half - 1]! <= than));
    length -= half;
  }
  return low + Number(sorted[low]! <= than);
}

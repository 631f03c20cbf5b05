/** Ranges in order of their start, as arrays: what a tree becomes that is asked more often than it is changed. */
export class Flat<V> {
  readonly #starts: Float64Array;
  /** The largest end of a range and those before it: grows, so that it can be searched. */
  readonly #reach: Float64Array;
  readonly #values: readonly V[];

  constructor(ranges: readonly { readonly start: number; readonly end: number; readonly value: V }[]) {
    this.#starts = new Float64Array(ranges.length);
    this.#reach = new Float64Array(ranges.length);
    this.#values = ranges.map(({ value }) => value);
    let reach = Number.NEGATIVE_INFINITY;
    for (const [at, { start, end }] of ranges.entries()) {
      reach = Math.max(reach, end);
      this.#starts[at] = start;
      this.#reach[at] = reach;
    }
  }

  /** The first range, by start, that ends after `from` and begins before `to`. */
  first(from: number, to: number): V | undefined {
    // Where the reach first gets beyond `from`, it is this range's own end that does.
    const at = firstAbove(this.#reach, from);
    return at < this.#values.length && this.#starts[at]! < to ? this.#values[at] : undefined;
  }

  /** The last range that begins at or before `at`. */
  floor(at: number): V | undefined {
    return this.#values[firstAbove(this.#starts, at) - 1];
  }
}

/** The index of the first number that is larger, or the length. */
function firstAbove(sorted: Float64Array, than: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! > than) high = middle;
    else low = middle + 1;
  }
  return low;
}

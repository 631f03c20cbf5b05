/** Counts of values by powers of two: bucket 0 holds 0, bucket n holds 2^(n-1) to 2^n - 1. */
export class Histogram {
  readonly buckets: number[] = [];
  count = 0;
  sum = 0;
  max = 0;

  /** @param value - 0 to 2^32 - 1. */
  add(value: number): void {
    const bucket = value === 0 ? 0 : 32 - Math.clz32(value);
    while (this.buckets.length <= bucket) this.buckets.push(0);
    this.buckets[bucket]!++;
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** The upper end of the bucket in which the share (0 to 1) of all values is reached. */
  quantile(share: number): number {
    let seen = 0;
    for (const [bucket, count] of this.buckets.entries()) {
      seen += count;
      if (seen >= share * this.count) return Math.min(this.max, bucket === 0 ? 0 : 2 ** bucket - 1);
    }
    return this.max;
  }
}

/** A histogram as lines of text, one for each bucket from the first to the last that has a value. */
export function histogramLines(histogram: Histogram, unit: string, width = 40): string[] {
  const { buckets, count } = histogram;
  const first = buckets.findIndex((each) => each > 0);
  if (first < 0) return ["(none)"];
  const most = Math.max(...buckets);
  const ranges = buckets.map((_, n) => (n < 2 ? `${n}` : `${2 ** (n - 1)}-${2 ** n - 1}`));
  const rangeWidth = Math.max(...ranges.map(({ length }) => length));
  const countWidth = String(most).length;
  return buckets.slice(first).map((each, n) => {
    const bar = "#".repeat(each === 0 ? 0 : Math.max(1, Math.round((each / most) * width)));
    const share = `${((100 * each) / count).toFixed(1)}%`.padStart(6);
    return `${ranges[first + n]!.padStart(rangeWidth)} ${unit} ${String(each).padStart(countWidth)} ${share} ${bar}`.trimEnd();
  });
}

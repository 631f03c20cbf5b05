/** A half-open range of pages, `[first, end)`, or every `step`-th page of it. */
export type PageRange =
  | readonly [first: number, end: number]
  | readonly [first: number, end: number, step: number];

/** Pages as recordings write them: ranges in any order, which may touch, overlap and repeat. */
export type PageList = readonly PageRange[];

/** The same pages as a set: ascending ranges with gaps between them. */
export type PageSet = readonly (readonly [first: number, end: number])[];

/** A page list may name this many separate ranges once its steps are written out. */
export const mostRanges = 1 << 20;

/** Why a list denotes no pages, or undefined for a good one. */
export function pageListProblem(list: PageList): string | undefined {
  let ranges = 0;
  for (const [first, end, step = 1] of list) {
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(end) || !Number.isSafeInteger(step))
      return "page numbers are whole numbers";
    if (first < 0) return `page ${first} is negative`;
    if (end < first) return `the range [${first}, ${end}] ends before it begins`;
    if (step < 1) return `the step ${step} is not positive`;
    ranges += step === 1 ? 1 : Math.ceil((end - first) / step);
    if (ranges > mostRanges) return `it names more than ${mostRanges} separate ranges`;
  }
  return undefined;
}

/** What a page list denotes. */
export function toPageSet(list: PageList): PageSet {
  const problem = pageListProblem(list);
  if (problem !== undefined) throw new RangeError(`not a page list: ${problem}`);
  const ranges: [number, number][] = [];
  for (const [first, end, step = 1] of list) {
    if (step === 1) ranges.push([first, end]);
    else for (let page = first; page < end; page += step) ranges.push([page, page + 1]);
  }
  return normalise(ranges);
}

/** The shortest usual way to write a set down: runs of single pages at one distance become a stepped range. */
export function toPageList(set: PageSet): PageList {
  const list: PageRange[] = [];
  let index = 0;
  while (index < set.length) {
    const run = singlesAtOneDistance(set, index);
    const [first, end] = set[index]!;
    if (run >= 3) {
      const last = set[index + run - 1]!;
      list.push([first, last[1], set[index + 1]![0] - first]);
      index += run;
    } else {
      list.push([first, end]);
      index++;
    }
  }
  return list;
}

function singlesAtOneDistance(set: PageSet, start: number): number {
  const isSingle = (index: number) => index < set.length && set[index]![1] - set[index]![0] === 1;
  if (!isSingle(start) || !isSingle(start + 1)) return 1;
  const step = set[start + 1]![0] - set[start]![0];
  let length = 2;
  while (isSingle(start + length) && set[start + length]![0] - set[start + length - 1]![0] === step) length++;
  return length;
}

export function union(sets: readonly PageSet[]): PageSet {
  return normalise(sets.flat());
}

export function equalSets(a: PageSet, b: PageSet): boolean {
  return a.length === b.length && a.every(([first, end], i) => first === b[i]![0] && end === b[i]![1]);
}

/** The pages of `a` that are not in `b`. */
export function difference(a: PageSet, b: PageSet): PageSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, end] of a) {
    let from = first;
    while (next < b.length && b[next]![1] <= from) next++;
    for (let i = next; i < b.length && b[i]![0] < end; i++) {
      const [gapEnd, resume] = b[i]!;
      if (gapEnd > from) rest.push([from, gapEnd]);
      from = Math.max(from, resume);
    }
    if (from < end) rest.push([from, end]);
  }
  return rest;
}

/** The same pages, counted from elsewhere. */
export function shift(set: PageSet, by: number): PageSet {
  return set.map(([first, end]) => [first + by, end + by]);
}

/** Those of the pages that come before `limit`. */
export function below(set: PageSet, limit: number): PageSet {
  return set.filter(([first]) => first < limit).map(([first, end]) => [first, Math.min(end, limit)]);
}

export function countPages(set: PageSet): number {
  return set.reduce((sum, [first, end]) => sum + (end - first), 0);
}

function normalise(ranges: readonly (readonly [number, number])[]): PageSet {
  const sorted = ranges.filter(([first, end]) => first < end).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const set: [number, number][] = [];
  for (const [first, end] of sorted) {
    const last = set[set.length - 1];
    if (last !== undefined && first <= last[1]) last[1] = Math.max(last[1], end);
    else set.push([first, end]);
  }
  return set;
}

import type { DumpRange } from "./dump.js";

/** Neighbours of equal level and attributes as one. */
export function mergeRanges(ranges: readonly DumpRange[]): DumpRange[] {
  const merged: DumpRange[] = [];
  for (const range of ranges) {
    const last = merged.at(-1);
    if (last !== undefined && last[1] === range[0] && last[2] === range[2] && last[3] === range[3]) {
      merged[merged.length - 1] = [last[0], range[1], last[2], last[3]];
    } else merged.push(range);
  }
  return merged;
}

/** One difference between two dumps: what each has at an address. */
export interface DumpDifference {
  readonly first: number;
  readonly end: number;
  /** Level and attributes; null: the dump says nothing here. */
  readonly before: readonly [level: number, attributes: string] | null;
  readonly after: readonly [level: number, attributes: string] | null;
}

/** Where two dumps, each ascending and without overlap, say different things. */
export function diffDumps(before: readonly DumpRange[], after: readonly DumpRange[]): DumpDifference[] {
  const cuts = [...new Set([...before, ...after].flatMap((range) => range.slice(0, 2) as number[]))];
  cuts.sort((a, b) => a - b);
  const differences: DumpDifference[] = [];
  let b = 0;
  let a = 0;
  for (let i = 0; i + 1 < cuts.length; i++) {
    const first = cuts[i]!;
    const end = cuts[i + 1]!;
    while (b < before.length && before[b]![1] <= first) b++;
    while (a < after.length && after[a]![1] <= first) a++;
    const was = at(before[b], first);
    const is = at(after[a], first);
    if (was?.[0] === is?.[0] && was?.[1] === is?.[1]) continue;
    const last = differences.at(-1);
    if (last !== undefined && last.end === first && same(last.before, was) && same(last.after, is)) {
      differences[differences.length - 1] = { ...last, end };
    } else differences.push({ first, end, before: was, after: is });
  }
  return differences;
}

type Said = readonly [level: number, attributes: string] | null;

function at(range: DumpRange | undefined, address: number): Said {
  return range !== undefined && range[0] <= address ? [range[2], range[3]] : null;
}

function same(a: Said, b: Said): boolean {
  return a?.[0] === b?.[0] && a?.[1] === b?.[1];
}

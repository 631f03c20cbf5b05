import type { Stage2Entry } from "../format/observation.js";
import type { PageSet } from "../format/page-list.js";
import { difference, equalSets, union } from "../format/page-list.js";

interface Run {
  readonly first: bigint;
  readonly end: bigint;
  readonly level: number;
  readonly attributes: string;
}

export interface Stage2Comparison {
  /** The size of the IPA space, where the recording says it. */
  readonly ipaBits: number | undefined;
  readonly pageSize: number;
  /** Compare leaves only, as a model without page tables must. */
  readonly leavesOnly: boolean;
  /** Where entries may have the access flag or not. */
  readonly maybeYoung: readonly (readonly [first: number | string, end: number | string])[];
}

/**
 * Entry by entry, after merging neighbours of equal level and attributes. The kernel never prints the last
 * range, so that of a prediction which reaches the end of the IPA space is left out.
 */
export function sameStage2(
  recorded: readonly Stage2Entry[],
  predicted: readonly Stage2Entry[],
  how: Stage2Comparison,
): boolean {
  const printed = merged(predicted.map(toRun));
  const last = printed[printed.length - 1];
  if (last !== undefined && how.ipaBits !== undefined && last.end >= 1n << BigInt(how.ipaBits)) printed.pop();
  const maybeYoung = how.maybeYoung.map(([first, end]) => [BigInt(first), BigInt(end)] as const);
  const a = withoutAccessFlags(recorded.map(toRun), maybeYoung);
  const b = withoutAccessFlags(printed, maybeYoung);
  if (how.leavesOnly) return sameLeaves(a, b, how.pageSize);
  return sameRuns(a, b);
}

function sameRuns(a: readonly Run[], b: readonly Run[]): boolean {
  return (
    a.length === b.length &&
    a.every((run, i) => {
      const other = b[i]!;
      return (
        run.first === other.first &&
        run.end === other.end &&
        run.level === other.level &&
        run.attributes === other.attributes
      );
    })
  );
}

const words = (attributes: string) => attributes.split(" ").filter((word) => word !== "");

function toRun([first, end, level, attributes]: Stage2Entry): Run {
  return { first: BigInt(first), end: BigInt(end), level, attributes: words(attributes).join(" ") };
}

/** The runs, merged, with the access flags of some ranges left out. */
function withoutAccessFlags(
  runs: readonly Run[],
  ranges: readonly (readonly [first: bigint, end: bigint])[],
): Run[] {
  let pieces = [...runs];
  for (const [first, end] of ranges) {
    pieces = pieces.flatMap((run) => {
      if (run.end <= first || end <= run.first) return [run];
      const [from, to] = [run.first, first, run.end, end].sort((a, b) => Number(a - b)).slice(1, 3) as [
        bigint,
        bigint,
      ];
      const attributes = words(run.attributes)
        .filter((word) => word !== "AF")
        .join(" ");
      return [
        { ...run, end: from },
        { ...run, first: from, end: to, attributes },
        { ...run, first: to },
      ].filter((piece) => piece.first < piece.end);
    });
  }
  return merged(pieces);
}

function merged(runs: readonly Run[]): Run[] {
  const result: Run[] = [];
  for (const run of runs) {
    const last = result[result.length - 1];
    if (last?.end === run.first && last.level === run.level && last.attributes === run.attributes)
      result[result.length - 1] = { ...last, end: run.end };
    else result.push(run);
  }
  return result;
}

/** As sets of (page, level, attributes), up to where the recording's last line ends. */
function sameLeaves(a: readonly Run[], b: readonly Run[], pageSize: number): boolean {
  const end = Number((a[a.length - 1]?.end ?? 0n) / BigInt(pageSize));
  const left = leaves(a, pageSize, end);
  const right = leaves(b, pageSize, end);
  return (
    left.size === right.size && [...left].every(([key, pages]) => equalSets(pages, right.get(key) ?? []))
  );
}

function leaves(runs: readonly Run[], pageSize: number, limit: number): Map<string, PageSet> {
  const found = new Map<string, PageSet>();
  for (const { first, end, level, attributes } of runs) {
    if (attributes === "") continue;
    const pages: PageSet = [[Number(first / BigInt(pageSize)), Number(end / BigInt(pageSize))]];
    const kept = difference(pages, [[limit, Number.MAX_SAFE_INTEGER]]);
    if (kept.length > 0)
      found.set(`${level} ${attributes}`, union([found.get(`${level} ${attributes}`) ?? [], kept]));
  }
  return found;
}

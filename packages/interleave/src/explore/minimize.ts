import { type Finding, nameOf, type Properties } from "./judge.js";
import { Limits } from "./limits.js";
import { Livelocks } from "./livelock.js";
import type { Program } from "./program.js";
import { type PathStep, ShortestSearch } from "./shortest.js";
import { StateSearch } from "./states.js";

/** The shortest counterexample is looked for among so many states, and given up. */
const MOST_STATES = 300_000;

/** A way to something. */
export interface Way {
  readonly path: readonly PathStep[];
  /** No other has fewer preemptions, nor as many and fewer steps. */
  readonly isShortest: boolean;
}

/** Something that was found, and the way to it. */
export interface Found extends Way {
  readonly finding: Finding;
}

/** The shortest way to any of some findings; null if it takes too long. */
export function nearest(
  program: Program,
  properties: Properties,
  isWanted: (finding: Finding) => boolean,
): Found | null {
  let nearestOne: Found | null = null;
  search(program, properties, isWanted, (found) => {
    nearestOne = found;
    return false;
  });
  return nearestOne;
}

/** The shortest ways to each of some findings, by their names; without those that take too long. */
export function nearestOfEach(
  program: Program,
  properties: Properties,
  names: ReadonlySet<string>,
): readonly Found[] {
  const all: Found[] = [];
  search(program, properties, undefined, (found) => {
    if (names.has(nameOf(found.finding))) all.push(found);
    return all.length < names.size;
  });
  return all;
}

function search(
  program: Program,
  { check, atEnd }: Properties,
  isNearest: ((finding: Finding) => boolean) | undefined,
  onFound: (found: Found) => boolean,
): void {
  new ShortestSearch(program, {
    check,
    atEnd,
    limits: new Limits({}),
    maxStates: MOST_STATES,
    maxPreemptions: Number.POSITIVE_INFINITY,
    ...(isNearest === undefined ? {} : { nearest: isNearest }),
    onFinding: (finding, path, isShortest) => onFound({ finding, path, isShortest }),
  }).run();
}

/** A way to a state that is known by its hash: the shortest, if it can be found. */
export function wayTo(program: Program, key: string): Way {
  const check = () => (Livelocks.key(program.lo, program.hi) === key ? "here" : undefined);
  const short = nearest(program, { check }, ({ kind }) => kind === "check");
  if (short !== null) return short;
  let path: readonly PathStep[] = [];
  new StateSearch(program, {
    check,
    limits: new Limits({}),
    maxStates: Number.POSITIVE_INFINITY,
    sleepSets: true,
    privacy: null,
    livelocks: false,
    onFinding: ({ kind }) => {
      if (kind === "check") path = program.path.map(({ task, outcome }) => ({ task, outcome }));
      return kind !== "check";
    },
  }).run();
  return { path, isShortest: false };
}

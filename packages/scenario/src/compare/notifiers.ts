import type { NotifierObservation } from "../format/observation.js";
import type { LocatedPages } from "./located-pages.js";
import { locate, noPages, sameLocated, unite, without } from "./located-pages.js";
import type { Places } from "./place.js";
import { placeOf } from "./place.js";
import { sameSite } from "./site.js";

/** A notifier whose pages no longer depend on where they are counted from. */
interface Raised {
  readonly event: string;
  readonly site: string;
  readonly pages: LocatedPages;
  readonly maybe: boolean;
}

function raised(list: readonly NotifierObservation[], places: Places, pageSize: number): Raised[] {
  return list.map(({ event, site, addr, pages, maybe }) => ({
    event,
    site,
    pages: locate(pages, placeOf(addr, places, pageSize), pageSize),
    maybe: maybe === true,
  }));
}

/** A list of notifiers, with the names that its addresses use. */
export interface NotifierList {
  readonly notifiers: readonly NotifierObservation[];
  readonly places: Places;
}

/**
 * In order: neighbours with equal event and site count as one, their ranges united. What the recording
 * marks `maybe` is not compared.
 */
export function sameNotifiers(
  recorded: readonly NotifierList[],
  predicted: readonly NotifierList[],
  pageSize: number,
): boolean {
  const expected = allRaised(recorded, pageSize);
  const uncertain = expected.filter(({ maybe }) => maybe);
  const isUncertain = (one: Raised) =>
    uncertain.some((other) => other.event === one.event && sameSite(other.site, one.site));
  const certain = expected.filter(({ maybe }) => !maybe);
  const foretold = allRaised(predicted, pageSize).filter((one) => !isUncertain(one));
  return inStep(fuse(certain.filter((one) => !isUncertain(one))), fuse(foretold));
}

/**
 * Where the kernel acts in its own time: as sets of (event, site, page). What the recording marks `maybe` may be
 * missing from the prediction, or have other pages there. What the prediction marks so need not have been recorded.
 */
export function sameNotifierSets(
  recorded: readonly NotifierList[],
  predicted: readonly NotifierList[],
  pageSize: number,
): boolean {
  const expected = gather(allRaised(recorded, pageSize));
  const foretold = gather(allRaised(predicted, pageSize));
  const certain = expected.filter(({ maybe }) => !maybe);
  const uncertain = expected.filter(({ maybe }) => maybe);
  const sure = foretold.filter(({ maybe }) => !maybe);
  const like = (one: Raised, others: readonly Raised[]) =>
    others.filter((other) => other.event === one.event && sameSite(other.site, one.site));
  const covered = (one: Raised, others: readonly Raised[]) =>
    without(one.pages, unite(like(one, others).map(({ pages }) => pages))).size === 0;
  return (
    certain.every((one) => covered(one, foretold)) &&
    sure.every((one) => like(one, uncertain).length > 0 || covered(one, certain))
  );
}

function allRaised(lists: readonly NotifierList[], pageSize: number): Raised[] {
  return lists.flatMap(({ notifiers, places }) => raised(notifiers, places, pageSize));
}

/** Neighbours with equal event and site become one. */
function fuse(list: readonly Raised[]): readonly Raised[] {
  const runs: Raised[][] = [];
  for (const one of list) {
    const run = runs[runs.length - 1];
    if (run?.[0] !== undefined && alike(run[0], one)) run.push(one);
    else runs.push([one]);
  }
  return runs.map(united);
}

/** All of equal event and site become one, wherever they stand. */
function gather(list: readonly Raised[]): readonly Raised[] {
  const groups = new Map<string, Raised[]>();
  for (const one of list) {
    const key = `${one.event} ${one.site} ${one.maybe}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return [...groups.values()].map(united);
}

const alike = (a: Raised, b: Raised) => a.event === b.event && a.site === b.site;

function united(group: readonly Raised[]): Raised {
  const first = group[0]!;
  return group.length === 1 ? first : { ...first, pages: unite(group.map(({ pages }) => pages)) };
}

/**
 * Whether two fused lists say the same. Sites that are aliases of one another are not always told apart
 * on the other side, so that a run of entries there may be one entry here.
 */
function inStep(a: readonly Raised[], b: readonly Raised[]): boolean {
  const seen = new Set<string>();
  const reached: (readonly [number, number])[] = [[0, 0]];
  for (let at = reached.pop(); at !== undefined; at = reached.pop()) {
    const [i, j] = at;
    if (i === a.length && j === b.length) return true;
    if (i === a.length || j === b.length || seen.has(`${i} ${j}`)) continue;
    seen.add(`${i} ${j}`);
    for (const next of absorbed(a[i]!, b, j)) reached.push([i + 1, next]);
    for (const next of absorbed(b[j]!, a, i)) reached.push([next, j + 1]);
  }
  return false;
}

/** Where a run of entries that together say what `one` says may end. */
function absorbed(one: Raised, many: readonly Raised[], from: number): number[] {
  const ends: number[] = [];
  let pages = noPages;
  for (let next = from; next < many.length; next++) {
    const other = many[next]!;
    if (other.event !== one.event || !sameSite(other.site, one.site)) break;
    if (without(other.pages, one.pages).size > 0) break;
    pages = unite([pages, other.pages]);
    if (sameLocated(pages, one.pages)) ends.push(next + 1);
  }
  return ends;
}

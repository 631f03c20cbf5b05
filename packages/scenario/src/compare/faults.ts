import type { FaultObservation } from "../format/observation.js";
import type { LocatedPages } from "./located-pages.js";
import { locate, noPages, sameLocated, unite } from "./located-pages.js";
import type { Place, Places } from "./place.js";
import { placeOf } from "./place.js";

/** Where the pages of a guest access are counted from, unless an entry says otherwise. */
export interface AccessContext {
  readonly base: Place;
  readonly places: Places;
  readonly pageSize: number;
}

/** One entry per access and kind, in the order of first occurrence. */
function grouped(
  list: readonly FaultObservation[],
  { base, places, pageSize }: AccessContext,
): [string, LocatedPages][] {
  const groups = new Map<string, LocatedPages>();
  for (const { pages, access, kind, gpa } of list) {
    const from = gpa === undefined ? base : placeOf(gpa, places, pageSize);
    const located = locate(pages, from, pageSize);
    if (located.size === 0) continue;
    const key = `${access} ${kind}`;
    groups.set(key, unite([groups.get(key) ?? noPages, located]));
  }
  return [...groups];
}

/** Equal accesses, kinds and pages; in the same order, unless `inAnyOrder`. */
export function sameFaults(
  recorded: readonly FaultObservation[],
  predicted: readonly FaultObservation[],
  context: AccessContext,
  inAnyOrder: boolean,
): boolean {
  const a = grouped(recorded, context);
  const b = grouped(predicted, context);
  const byKey = (x: [string, LocatedPages], y: [string, LocatedPages]) => (x[0] < y[0] ? -1 : 1);
  if (inAnyOrder) {
    a.sort(byKey);
    b.sort(byKey);
  }
  return (
    a.length === b.length && a.every(([key, pages], i) => key === b[i]![0] && sameLocated(pages, b[i]![1]))
  );
}

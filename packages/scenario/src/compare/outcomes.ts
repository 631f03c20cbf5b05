import type { PageList } from "../format/page-list.js";
import type { AccessContext } from "./faults.js";
import { type LocatedPages, locate, noPages, sameLocated, unite } from "./located-pages.js";
import { placeOf } from "./place.js";
import { canonicalWord } from "./word.js";

type Detail = string | number | undefined;

/** Pages that share an outcome: exits, signals, frames. */
export interface Outcome {
  readonly pages: PageList;
  readonly gpa?: number | string;
  readonly detail: readonly Detail[];
}

/** Equal as what each page came to; entries have no order beyond that of their pages. */
export function sameOutcomes(
  recorded: readonly Outcome[],
  predicted: readonly Outcome[],
  context: AccessContext,
): boolean {
  const a = byDetail(recorded, context);
  const b = byDetail(predicted, context);
  return a.size === b.size && [...a].every(([key, pages]) => sameLocated(pages, b.get(key) ?? noPages));
}

function byDetail(
  list: readonly Outcome[],
  { base, places, pageSize }: AccessContext,
): Map<string, LocatedPages> {
  const groups = new Map<string, LocatedPages>();
  for (const { pages, gpa, detail } of list) {
    const located = locate(pages, gpa === undefined ? base : placeOf(gpa, places, pageSize), pageSize);
    if (located.size === 0) continue;
    const key = JSON.stringify(detail.map((part) => (part === undefined ? null : canonicalWord(part))));
    groups.set(key, unite([groups.get(key) ?? noPages, located]));
  }
  return groups;
}

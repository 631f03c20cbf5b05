import type { PageList, PageSet } from "../format/page-list.js";
import { difference, equalSets, shift, toPageSet, union } from "../format/page-list.js";
import type { Place } from "./place.js";
import { pageOf } from "./place.js";

/** Pages of memory, wherever they were counted from: a set of pages for each base. */
export type LocatedPages = ReadonlyMap<string, PageSet>;

export const noPages: LocatedPages = new Map();

export function locate(pages: PageList, base: Place, pageSize: number): LocatedPages {
  const set = toPageSet(pages);
  if (set.length === 0) return noPages;
  const { symbols, page } = pageOf(base, pageSize);
  return new Map([[symbols, shift(set, page)]]);
}

export function unite(all: readonly LocatedPages[]): LocatedPages {
  const sets = new Map<string, PageSet[]>();
  for (const located of all)
    for (const [base, pages] of located) {
      const at = sets.get(base);
      if (at === undefined) sets.set(base, [pages]);
      else at.push(pages);
    }
  return new Map([...sets].map(([base, pages]) => [base, union(pages)]));
}

export function without(a: LocatedPages, b: LocatedPages): LocatedPages {
  const rest = new Map<string, PageSet>();
  for (const [base, pages] of a) {
    const left = difference(pages, b.get(base) ?? []);
    if (left.length > 0) rest.set(base, left);
  }
  return rest;
}

export function sameLocated(a: LocatedPages, b: LocatedPages): boolean {
  return a.size === b.size && [...a].every(([base, pages]) => equalSets(pages, b.get(base) ?? []));
}

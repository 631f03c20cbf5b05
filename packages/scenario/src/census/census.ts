import { otherSites } from "./other-sites.js";
import { rangeSites } from "./range-sites.js";
import type { CensusRow, SiteStatus } from "./row.js";

/**
 * Every place in the kernel that can tell KVM about a change of the host's memory, and what the model's word on it
 * stands on.
 */
export const census: readonly CensusRow[] = [...rangeSites, ...otherSites];

/** The rows that a site's name, as recorded or as in the sources, stands for. */
export function censusRows(site: string): readonly CensusRow[] {
  return census.filter((row) => row.functions.includes(site) || row.inlinedInto?.includes(site) === true);
}

/** How many rows there are of each status. */
export function censusCounts(
  rows: readonly CensusRow[] = census,
): Readonly<Record<SiteStatus["kind"], number>> {
  const counts = { recorded: 0, "from source": 0, "out of scope": 0 };
  for (const { status } of rows) counts[status.kind]++;
  return counts;
}

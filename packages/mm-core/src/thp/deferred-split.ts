import { nameFunctions } from "@kvmm/interleave";
import { type Pfn, PMD_PAGES } from "../addresses.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { isMlocked } from "../reclaim/evictable.js";
import { splitFolio } from "./split-folio.js";

/**
 * deferred_split_scan(), of everything: private huge pages of which a part was unmapped are split, and so are those that
 * hold more pages of zeros than khugepaged's max_ptes_none, if that is not all of them.
 */
export function deferredSplitScan(host: Host): void {
  const { frames } = host;
  for (const folio of frames.largeFolios()) {
    if (!frames.tryGet(folio)) continue;
    const isQueued =
      frames.order(folio) === 9 && frames.test(folio, PageFlag.anon) && frames.test(folio, PageFlag.lru);
    const isPart = isQueued && isPartiallyMapped(host, folio);
    const splits = isPart || (isQueued && !isMlocked(host, folio) && isUnderused(host, folio));
    if (splits && frames.trylock(folio)) {
      splitFolio(host, folio);
      frames.unlock(folio);
    }
    frames.put(folio);
  }
}

/** folio_test_partially_mapped(): pages of it were unmapped alone, as far as its number of mappings tells. */
export function isPartiallyMapped({ frames }: Host, folio: Pfn): boolean {
  const mappings = frames.mapcount.get(folio);
  return mappings > 0 && frames.entireMapcount.get(folio) === 0 && mappings < frames.pagesOf(folio);
}

/** thp_underused(), by the first word of each page. */
function isUnderused({ frames, thp }: Host, folio: Pfn): boolean {
  const most = thp.maxPtesNone.get();
  if (most === PMD_PAGES - 1) return false;
  let zeros = 0;
  for (let page = folio; page < folio + PMD_PAGES; page++) if (frames.word.get(page) === 0) zeros++;
  return zeros > most;
}

nameFunctions({
  deferred_split_scan: deferredSplitScan,
  folio_test_partially_mapped: isPartiallyMapped,
  thp_underused: isUnderused,
});

import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import type { Frames } from "../frames.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";

/**
 * folio_mark_accessed(): somebody used the folio in a way that no page table tells. On the classic LRU the second use
 * makes it active; the multi-generational one notes it. Of an unevictable folio, whose note the kernel leaves out, nobody
 * asks for it.
 * @param also flags that are set in the same step
 */
export function folioMarkAccessed({ frames, lruGenEnabled }: Host, pfn: Pfn, also = 0): void {
  const folio = frames.folio(pfn);
  const isClassic = !lruGenEnabled.get();
  const { referenced, usedAgain, active, unevictable, idle } = PageFlag;
  const old = frames.flags.exchangeBits(folio, referenced | also, isClassic ? idle : 0);
  if ((old & referenced) === 0 || (old & unevictable) !== 0) return;
  if (!isClassic) {
    // lru_gen_inc_refs()
    if ((old & usedAgain) === 0) frames.mark(folio, usedAgain);
  } else if ((old & active) === 0) frames.mark(folio, active, referenced);
}

/** The first use that a page table tells of is noted, and no more. @returns was it the first? */
function noteFirstUse(frames: Frames, folio: Pfn): boolean {
  if (frames.test(folio, PageFlag.referenced) || frames.test(folio, PageFlag.workingset)) return false;
  frames.mark(folio, PageFlag.referenced, PageFlag.usedAgain);
  return true;
}

/**
 * lru_gen_set_refs(): a page table says that the folio was used. @returns for the second time, so that it goes to a
 * younger generation
 */
export function lruGenSetRefs(host: Host, folio: Pfn): boolean {
  const { frames } = host;
  if (noteFirstUse(frames, folio)) return false;
  if (frames.test(folio, PageFlag.usedAgain))
    frames.mark(folio, PageFlag.workingset, PageFlag.referenced | PageFlag.usedAgain);
  else folioMarkAccessed(host, folio);
  return true;
}

/**
 * folio_update_gen(), of kswapd's, proactive reclaim's and ageing walks: a page table says that a folio was used that is on
 * a list. The second time it goes to the youngest generation, as one that was not used again yet.
 */
export function folioUpdateGen(frames: Frames, folio: Pfn): void {
  if (!noteFirstUse(frames, folio))
    frames.mark(folio, PageFlag.workingset | PageFlag.promoted, PageFlag.referenced | PageFlag.usedAgain);
}

nameFunctions({
  folio_update_gen: folioUpdateGen,
  folio_mark_accessed: folioMarkAccessed,
  lru_gen_set_refs: lruGenSetRefs,
});

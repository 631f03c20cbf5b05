import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import { pgoffOf } from "../file.js";
import type { Host } from "../host.js";
import { leafAt, leafPage } from "../leaf.js";
import { isolateLru, putbackLru } from "../migrate.js";
import type { Mm } from "../mm.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePresent } from "../pte.js";
import { folioEvictable, folioTestLru } from "./evictable.js";
import { folioReferenced } from "./referenced.js";
import { shrinkFolioList } from "./shrink-folio-list.js";

/** MIN_LRU_BATCH and SWAP_CLUSTER_MAX: pages that are isolated at a time. */
const GENERATIONS_BATCH = 64;
const CLASSIC_BATCH = 32;

/**
 * shrink_lruvec(): memory runs short, or somebody wrote to memory.reclaim, and the folios behind a range of a process'
 * memory are those that have not been used for longest, in order: at the end of the inactive list or, of the
 * multi-generational LRU, in the oldest generation. Which folios these are is for the caller to say, as the rest of the
 * machine is not modelled.
 *
 * Of the classic LRU's, one that is active becomes inactive (shrink_active_list), so that the next call may reclaim it.
 */
export function shrinkLruvec(mm: Mm, start: Hva, end: Hva): void {
  const { host } = mm;
  const { frames } = host;
  host.lru.drain();
  const isClassic = !host.lruGenEnabled.get();
  const folios = foliosBehind(mm, start, end);
  for (const folio of folios) frames.mark(folio, 0, PageFlag.promoted);
  const active = folios.filter((folio) => isClassic && frames.test(folio, PageFlag.active));
  const inactive = folios.filter((folio) => !active.includes(folio));
  shrinkInactiveList(host, inactive, isClassic ? CLASSIC_BATCH : GENERATIONS_BATCH);
  for (const folio of active) shrinkActiveList(host, folio);
}

/** The folios that a range maps or, of a file, has in the page cache, each once. */
function foliosBehind(mm: Mm, start: Hva, end: Hva): readonly Pfn[] {
  const { frames } = mm.host;
  const folios = new Set<Pfn>();
  mm.mmapLock.readLock();
  for (const { fields } of mm.vmas.overlapping(start, end)) {
    for (let at = Math.max(start, fields.start); at < Math.min(end, fields.end); at += PAGE_SIZE) {
      const leaf = leafAt(mm, at);
      const isMapped = leaf !== null && ptePresent(leaf.pte) && !pteHas(leaf.pte, PteFlag.special);
      const cached = fields.file?.inode?.pages.get(pgoffOf(fields, at)) ?? 0;
      const page = isMapped ? leafPage(leaf, at) : cached;
      if (page !== 0) folios.add(frames.folio(page));
    }
  }
  mm.mmapLock.readUnlock();
  return [...folios];
}

/** shrink_inactive_list(), evict_folios(): so many pages at a time are isolated, and those reclaimed that were not used. */
function shrinkInactiveList(host: Host, folios: readonly Pfn[], batch: number): void {
  const { frames } = host;
  for (let next = 0; next < folios.length; ) {
    const swaps = canReclaimAnonPages(host);
    const isolated: Pfn[] = [];
    let pages = 0;
    for (; next < folios.length && pages < batch; next++) {
      const folio = folios[next]!;
      if (!mayIsolate(host, folio, swaps) || !isolateLru(host, folio)) continue;
      isolated.push(folio);
      pages += frames.pagesOf(folio);
    }
    shrinkFolioList(host, isolated, false);
  }
}

/** can_reclaim_anon_pages(), get_swappiness(): is there room in swap? */
function canReclaimAnonPages({ swap, lruGenEnabled }: Host): boolean {
  return swap.free() >= (lruGenEnabled.get() ? GENERATIONS_BATCH : 1);
}

/** isolate_lru_folios(), sort_folio(): not what is unevictable, nor what was found used again meanwhile. */
function mayIsolate(host: Host, folio: Pfn, swaps: boolean): boolean {
  const { frames } = host;
  if (!folioTestLru(frames, folio) || frames.test(folio, PageFlag.promoted)) return false;
  if (!folioEvictable(host, folio)) return false;
  return swaps || !frames.test(folio, PageFlag.swapbacked);
}

/** shrink_active_list(), of one folio: it is asked whether it was used, which only program text is spared for. */
function shrinkActiveList(host: Host, folio: Pfn): void {
  const { frames } = host;
  if (!folioTestLru(frames, folio) || !isolateLru(host, folio)) return;
  if (folioEvictable(host, folio) && frames.trylock(folio)) {
    folioReferenced(host, folio);
    frames.unlock(folio);
    frames.mark(folio, PageFlag.workingset, PageFlag.active);
  }
  putbackLru(host, folio);
}

nameFunctions({
  shrink_lruvec: shrinkLruvec,
  shrink_inactive_list: shrinkInactiveList,
  can_reclaim_anon_pages: canReclaimAnonPages,
  isolate_lru_folios: mayIsolate,
  shrink_active_list: shrinkActiveList,
});

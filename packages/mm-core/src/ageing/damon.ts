import { nameFunctions } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { type Leaf, leafAt } from "../leaf.js";
import type { Mm } from "../mm.js";
import type { AgeingSite } from "../notifier-sites.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { folioTestLru } from "../reclaim/evictable.js";
import { clearYoungNotify, leafSize, testYoungNotify } from "./clear-young.js";
import { eachMapping } from "./each-mapping.js";

/** damon_get_folio(): only folios on the LRU are looked at. */
function isWatched(host: Host, leaf: Leaf): boolean {
  return (
    ptePresent(leaf.pte) &&
    !pteHas(leaf.pte, PteFlag.special) &&
    host.frames.test(ptePfn(leaf.pte), PageFlag.lru)
  );
}

/**
 * damon_ptep_mkold(), damon_pmdp_mkold(), damon_hugetlb_mkold() (inlined into damon_mkold_hugetlb_entry()). Of a huge page,
 * secondary MMUs are told of its size from `address` on, wherever in it that lies: into what comes after it. Under
 * page_table_lock.
 */
export function damonMkold(mm: Mm, leaf: Leaf, address: Hva): void {
  const huge = leaf.table.level > 0;
  const isHugetlb = huge && mm.host.frames.test(ptePfn(leaf.pte), PageFlag.hugetlb);
  const site = isHugetlb ? "damon_mkold_hugetlb_entry" : huge ? "damon_pmdp_mkold" : "damon_ptep_mkold";
  const young = clearYoungNotify(mm, [leaf], address, address + leafSize(leaf), site);
  mm.host.frames.mark(ptePfn(leaf.pte), PageFlag.idle | (young ? PageFlag.young : 0));
}

/** damon_va_mkold(): the page at an address counts as unused from here on. */
export function damonVaMkold(mm: Mm, address: Hva): void {
  mm.mmapLock.readLock();
  mm.pageTableLock.lock();
  const leaf = leafAt(mm, address);
  if (leaf !== null && isWatched(mm.host, leaf)) damonMkold(mm, leaf, address);
  mm.pageTableLock.unlock();
  mm.mmapLock.readUnlock();
}

/** damon_va_young(): was the page used since {@link damonVaMkold}? */
export function damonVaYoung(mm: Mm, address: Hva): boolean {
  mm.mmapLock.readLock();
  mm.pageTableLock.lock();
  const leaf = leafAt(mm, address);
  const present = leaf !== null && ptePresent(leaf.pte) && !pteHas(leaf.pte, PteFlag.special);
  const young = present && isYoungSinceIdle(mm, leaf, address, youngSite(mm, leaf));
  mm.pageTableLock.unlock();
  mm.mmapLock.readUnlock();
  return young;
}

function youngSite(mm: Mm, leaf: Leaf): AgeingSite {
  const isHugetlb = leaf.table.level > 0 && mm.host.frames.test(ptePfn(leaf.pte), PageFlag.hugetlb);
  return isHugetlb ? "damon_young_hugetlb_entry" : "damon_young_pmd_entry";
}

/** Has anybody used the page since it was marked idle, by what the entry, the folio or a secondary MMU know? */
export function isYoungSinceIdle(mm: Mm, leaf: Leaf, address: Hva, site: AgeingSite): boolean {
  if (pteHas(leaf.pte, PteFlag.young) || !mm.host.frames.test(ptePfn(leaf.pte), PageFlag.idle)) return true;
  return testYoungNotify(mm, address, site);
}

/** damon_folio_mkold(): the same of a frame, wherever it is mapped. */
export function damonPaMkold(host: Host, page: Pfn): void {
  if (host.frames.mapcount.get(host.frames.folio(page)) === 0) {
    if (folioTestLru(host.frames, page)) host.frames.mark(page, PageFlag.idle);
    return;
  }
  eachMapping(host, page, (mm, leaf, address) => {
    damonMkold(mm, leaf, address);
    return true;
  });
}

/** damon_folio_young(): was the frame used since {@link damonPaMkold}? */
export function damonPaYoung(host: Host, page: Pfn): boolean {
  const { frames } = host;
  if (!folioTestLru(frames, page)) return false;
  if (frames.mapcount.get(frames.folio(page)) === 0) return !frames.test(page, PageFlag.idle);
  let young = false;
  eachMapping(host, page, (mm, leaf, address) => {
    young = isYoungSinceIdle(mm, leaf, address, "damon_folio_young_one");
    return !young;
  });
  return young;
}

nameFunctions({
  damon_get_folio: isWatched,
  damon_ptep_mkold: damonMkold,
  damon_va_mkold: damonVaMkold,
  damon_va_young: damonVaYoung,
  damon_folio_mkold: damonPaMkold,
  damon_folio_young: damonPaYoung,
});

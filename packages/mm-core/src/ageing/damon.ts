import { nameFunctions } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { type Leaf, leafAt } from "../leaf.js";
import type { Mm } from "../mm.js";
import type { AgeingSite } from "../notifier-sites.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
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

/** damon_ptep_mkold(), damon_pmdp_mkold(), damon_hugetlb_mkold() (inlined into damon_mkold_hugetlb_entry()) */
function mkold(mm: Mm, leaf: Leaf, address: Hva): void {
  const huge = leaf.table.level > 0;
  const start = huge ? address - (address % leafSize(leaf)) : address;
  const isHugetlb = huge && mm.host.frames.test(ptePfn(leaf.pte), PageFlag.hugetlb);
  const site = isHugetlb ? "damon_mkold_hugetlb_entry" : huge ? "damon_pmdp_mkold" : "damon_ptep_mkold";
  clearYoungNotify(mm, leaf, start, start + leafSize(leaf), site);
}

/** damon_va_mkold(): the page at an address counts as unused from here on. */
export function damonVaMkold(mm: Mm, address: Hva): void {
  mm.mmapLock.readLock();
  mm.pageTableLock.lock();
  const leaf = leafAt(mm, address);
  if (leaf !== null && isWatched(mm.host, leaf)) mkold(mm, leaf, address);
  mm.pageTableLock.unlock();
  mm.mmapLock.readUnlock();
}

/** damon_va_young(), right after {@link damonVaMkold}: the folio is still marked idle. */
export function damonVaYoung(mm: Mm, address: Hva): boolean {
  mm.mmapLock.readLock();
  mm.pageTableLock.lock();
  const leaf = leafAt(mm, address);
  const present = leaf !== null && ptePresent(leaf.pte) && !pteHas(leaf.pte, PteFlag.special);
  const young =
    present && (pteHas(leaf.pte, PteFlag.young) || testYoungNotify(mm, address, youngSite(mm, leaf)));
  mm.pageTableLock.unlock();
  mm.mmapLock.readUnlock();
  return young;
}

function youngSite(mm: Mm, leaf: Leaf): AgeingSite {
  const isHugetlb = leaf.table.level > 0 && mm.host.frames.test(ptePfn(leaf.pte), PageFlag.hugetlb);
  return isHugetlb ? "damon_young_hugetlb_entry" : "damon_young_pmd_entry";
}

/** damon_folio_mkold(): the same of a frame, wherever it is mapped. */
export function damonPaMkold(host: Host, page: Pfn): void {
  eachMapping(host, page, (mm, leaf, address) => {
    mkold(mm, leaf, address);
    return true;
  });
}

/** damon_folio_young(), right after {@link damonPaMkold} */
export function damonPaYoung(host: Host, page: Pfn): boolean {
  let young = false;
  eachMapping(host, page, (mm, leaf, address) => {
    young = pteHas(leaf.pte, PteFlag.young) || testYoungNotify(mm, address, "damon_folio_young_one");
    return !young;
  });
  return young;
}

nameFunctions({
  damon_get_folio: isWatched,
  damon_ptep_mkold: mkold,
  damon_va_mkold: damonVaMkold,
  damon_va_young: damonVaYoung,
  damon_folio_mkold: damonPaMkold,
  damon_folio_young: damonPaYoung,
});

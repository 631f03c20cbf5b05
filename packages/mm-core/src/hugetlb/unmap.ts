import { nameFunctions } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { type Vma, VmFlag } from "../vma.js";
import { freeBatch } from "../zap.js";
import { hstateOf, hugeIndex } from "./hugetlb-info.js";
import { hugetlbRemoveRmap } from "./rmap.js";
import { adjustRangeIfPmdSharingPossible } from "./sharing.js";
import { hugetlbWalk } from "./walk.js";

/**
 * __unmap_hugepage_range(), without a notifier. Under i_mmap_rwsem held for writing.
 * @param batch takes the pages
 * @param only this folio, which the mapping then counts as lost
 */
export function unmapHugepages(vma: Vma, start: Hva, end: Hva, batch: Pfn[], only: Pfn | null = null): void {
  const { mm, fields } = vma;
  const { frames } = mm.host;
  const hstate = hstateOf(fields);
  for (let address = start; address < end; address += hstate.size) {
    const table = hugetlbWalk(mm, address, hstate);
    if (table === null) continue;
    const index = table.indexOf(address);
    mm.pageTableLock.lock();
    const pte = table.get(index);
    if (only !== null && ptePresent(pte)) {
      if (ptePfn(pte) !== only) {
        mm.pageTableLock.unlock();
        continue;
      }
      vma.hasLostPages.set(true);
    }
    if (pte !== 0) table.set(index, 0);
    const present = ptePresent(pte);
    const folio = ptePfn(pte);
    if (present) {
      if (pteHas(pte, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
      hugetlbRemoveRmap(frames, folio);
    }
    mm.pageTableLock.unlock();
    if (!present) continue;
    // The owner of a private mapping gets its promise back with the page (__vma_private_lock()).
    const isOwners = fields.reserve !== undefined && (fields.flags & VmFlag.mayShare) === 0;
    if (isOwners && frames.mapcount.get(folio) === 0 && frames.test(folio, PageFlag.anon)) {
      frames.mark(folio, PageFlag.restoreReserve);
      fields.reserve.delete(hugeIndex(fields, address));
    }
    batch.push(folio);
  }
}

/** unmap_hugepage_range(). Under i_mmap_rwsem held for writing. */
export function unmapHugepageRange(vma: Vma, start: Hva, end: Hva, only: Pfn | null = null): void {
  const { mm } = vma;
  const adjusted = adjustRangeIfPmdSharingPossible(vma.fields, start, end);
  const range = invalidateRangeStart(mm, adjusted.start, adjusted.end, "CLEAR", "unmap_hugepage_range");
  const batch: Pfn[] = [];
  unmapHugepages(vma, start, end, batch, only);
  invalidateRangeEnd(mm, range);
  freeBatch(mm.host, batch);
}

nameFunctions({
  __unmap_hugepage_range: unmapHugepages,
  unmap_hugepage_range: unmapHugepageRange,
});

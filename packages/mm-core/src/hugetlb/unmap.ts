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

export interface HugeUnmap {
  /** Only this folio, which the mapping then counts as lost. */
  readonly only?: Pfn;
  /** ZAP_FLAG_DROP_MARKER: else where userfaultfd had protected a page against writes, a note of it stays. */
  readonly dropMarkers?: boolean;
}

/**
 * __unmap_hugepage_range(), without a notifier. Under i_mmap_rwsem held for writing.
 * @param batch takes the pages
 */
export function unmapHugepages(vma: Vma, start: Hva, end: Hva, batch: Pfn[], how: HugeUnmap): void {
  const { mm, fields } = vma;
  const { only, dropMarkers } = how;
  const { frames } = mm.host;
  const hstate = hstateOf(fields);
  for (let address = start; address < end; address += hstate.size) {
    const table = hugetlbWalk(mm, address, hstate);
    if (table === null) continue;
    const index = table.indexOf(address);
    mm.pageTableLock.lock();
    const pte = table.get(index);
    if (only !== undefined && ptePresent(pte)) {
      if (ptePfn(pte) !== only) {
        mm.pageTableLock.unlock();
        continue;
      }
      vma.hasLostPages.set(true);
    }
    const staysProtected = dropMarkers !== true && pteHas(pte, PteFlag.uffdWp);
    if (pte !== 0) table.set(index, staysProtected ? PteFlag.marker | PteFlag.uffdWp : 0);
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
export function unmapHugepageRange(vma: Vma, start: Hva, end: Hva, how: HugeUnmap): void {
  const { mm } = vma;
  const adjusted = adjustRangeIfPmdSharingPossible(vma.fields, start, end);
  const range = invalidateRangeStart(mm, adjusted.start, adjusted.end, "CLEAR", "unmap_hugepage_range");
  const batch: Pfn[] = [];
  unmapHugepages(vma, start, end, batch, how);
  invalidateRangeEnd(mm, range);
  freeBatch(mm.host, batch);
}

nameFunctions({
  __unmap_hugepage_range: unmapHugepages,
  unmap_hugepage_range: unmapHugepageRange,
});

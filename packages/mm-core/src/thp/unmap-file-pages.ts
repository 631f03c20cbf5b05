import { PAGE_SIZE, type Pfn, type Pgoff, PMD_SIZE } from "../addresses.js";
import type { Inode } from "../file.js";
import { leafAt } from "../leaf.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { type Mapping, removeRmap, rmapWalkFile } from "../rmap.js";
import { isUffdWp, makeUffdWp } from "../userfaultfd/change-entry.js";
import { splitHugePmdLocked } from "./split-pmd.js";

/**
 * unmap_folio(), try_to_unmap(TTU_SPLIT_HUGE_PMD) of a file's folio, which the caller has locked: out of every mapping, each
 * under a notifier of its own over all that it can hold of the folio (try_to_unmap_one), until nothing maps it. Whoever
 * comes back faults it in again.
 * @param folio its first page, `index` that page's place in the file
 */
export function unmapFilePages(inode: Inode, index: Pgoff, folio: Pfn, size: number): void {
  const { frames } = inode.host;
  for (const place of rmapWalkFile(inode, index, index + size)) {
    const { mm } = place.vma;
    const range = invalidateRangeStart(mm, place.address, place.end, "CLEAR", "try_to_unmap_one");
    mm.pageTableLock.lock();
    unmapPlace(place, folio, size);
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
    if (frames.mapcount.get(frames.folio(folio)) === 0) break;
  }
}

function unmapPlace({ vma, address, end }: Mapping, folio: Pfn, size: number): void {
  const { mm } = vma;
  const { frames } = mm.host;
  for (let at = address; at < end; at += PAGE_SIZE) {
    const leaf = leafAt(mm, at);
    if (leaf === null || !ptePresent(leaf.pte)) continue;
    const { table, index, pte } = leaf;
    const pfn = ptePfn(pte);
    if (pfn < folio || pfn >= folio + size) continue;
    if (table.level > 0) {
      splitHugePmdLocked(vma, at - (at % PMD_SIZE), false);
      continue;
    }
    if (pteHas(pte, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
    // pte_install_uffd_wp_if_needed()
    table.set(index, isUffdWp(pte) ? makeUffdWp(0) : 0);
    removeRmap(frames, pfn, mm);
    frames.put(pfn);
  }
}

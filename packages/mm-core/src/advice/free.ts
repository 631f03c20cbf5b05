import { entryEnd, type Hva, PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import { leafAt } from "../leaf.js";
import { NotModelled } from "../not-modelled.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import { splitHugePmd } from "../thp/split-pmd.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";

/** madvise_free_single_vma(): the contents may go when memory is short; a write takes that back. */
export function madviseFree(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const { mm, fields } = vma;
  if ((fields.flags & (VmFlag.locked | VmFlag.pfnmap | VmFlag.hugetlb)) !== 0) {
    return refuse(
      "EINVAL",
      "madvise_dontneed_free_valid_vma",
      `the mapping at ${hex(fields.start)} is locked or special`,
    );
  }
  if (!isAnonymous(fields))
    return refuse("EINVAL", "madvise_free_single_vma", "the mapping is of a file", "anonymous memory");
  mm.host.lru.drain();
  const range = invalidateRangeStart(mm, start, end, "CLEAR", "madvise_free_single_vma");
  for (let at = start; at < end; ) {
    const next = entryEnd(at, PMD_SIZE, end);
    let table = mm.pteTable(at);
    if (table === null && leafAt(mm, at) !== null) {
      if (next - at === PMD_SIZE) freeHugePmd(vma, at);
      else {
        splitHugePmd(vma, at);
        table = mm.pteTable(at);
      }
    }
    if (table !== null) freePteRange(vma, table, at, next);
    at = next;
  }
  invalidateRangeEnd(mm, range);
  return undefined;
}

/** madvise_free_pte_range() */
function freePteRange({ mm }: Vma, table: Table, start: Hva, end: Hva): void {
  const { frames, swap } = mm.host;
  mm.pageTableLock.lock();
  const last = table.indexOf(end - PAGE_SIZE);
  for (let index = table.indexOf(start); index <= last; index++) {
    const pte = table.get(index);
    if (pte === 0 || pteHas(pte, PteFlag.special)) continue;
    if (!ptePresent(pte)) {
      if (pteHas(pte, PteFlag.swap)) {
        swap.put(ptePfn(pte));
        table.set(index, 0);
      } else if (pteHas(pte, PteFlag.poisoned)) table.set(index, 0);
      continue;
    }
    const pfn = ptePfn(pte);
    if (frames.order(pfn) !== 0) throw new NotModelled("madvise(MADV_FREE) of a part of a large folio");
    if (frames.test(pfn, PageFlag.dirty)) {
      if (!frames.trylock(pfn)) continue;
      const only = frames.mapcount.get(pfn) === 1;
      if (only) frames.mark(pfn, 0, PageFlag.dirty);
      frames.unlock(pfn);
      if (!only) continue;
    }
    table.set(index, pteChange(pte, 0, PteFlag.young | PteFlag.dirty));
    // folio_mark_lazyfree()
    if (frames.test(pfn, PageFlag.lru) && frames.test(pfn, PageFlag.anon))
      frames.mark(pfn, 0, PageFlag.swapbacked);
  }
  mm.pageTableLock.unlock();
}

/** madvise_free_huge_pmd(), of all of a huge page */
function freeHugePmd({ mm }: Vma, at: Hva): void {
  const { frames } = mm.host;
  mm.pageTableLock.lock();
  const leaf = leafAt(mm, at);
  if (leaf !== null && leaf.table.level === 1 && ptePresent(leaf.pte) && !pteHas(leaf.pte, PteFlag.special)) {
    const folio = ptePfn(leaf.pte);
    if (frames.mapcount.get(folio) === 1 && frames.trylock(folio)) {
      frames.mark(folio, 0, PageFlag.dirty);
      frames.unlock(folio);
      leaf.table.set(leaf.index, pteChange(leaf.pte, 0, PteFlag.young | PteFlag.dirty));
      if (frames.test(folio, PageFlag.lru)) frames.mark(folio, 0, PageFlag.swapbacked);
    }
  }
  mm.pageTableLock.unlock();
}

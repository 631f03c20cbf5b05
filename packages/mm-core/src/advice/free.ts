import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import type { Frames } from "../frames.js";
import { type Leaf, leafAt } from "../leaf.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import { isMaybeMappedShared } from "../rmap.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";
import { advisedFolio, splitAdvised } from "./large-folio.js";

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
    mm.pageTableLock.lock();
    const next = mm.pmdEnd(at, end);
    const leaf = leafAt(mm, at);
    const isSmall = leaf === null || leaf.table.level !== 1 || splitHuge(vma, leaf, at, next);
    if (isSmall && mm.pteTable(at) !== null) freePteRange(vma, at, next);
    if (!isSmall && next - at === PMD_SIZE) freeHugePmd(vma, leaf);
    mm.pageTableLock.unlock();
    at = next;
  }
  invalidateRangeEnd(mm, range);
  return undefined;
}

/** madvise_free_pte_range() */
function freePteRange(vma: Vma, start: Hva, end: Hva): void {
  const { mm } = vma;
  const { frames, swap } = mm.host;
  for (let at = start; at < end; ) {
    const leaf = leafAt(mm, at);
    if (leaf === null || leaf.table.level > 0 || pteHas(leaf.pte, PteFlag.special)) {
      at += PAGE_SIZE;
      continue;
    }
    const { table, index, pte } = leaf;
    if (!ptePresent(pte)) {
      if (pteHas(pte, PteFlag.swap)) {
        swap.put(ptePfn(pte));
        table.set(index, 0);
      } else if (pteHas(pte, PteFlag.poisoned)) table.set(index, 0);
      at += PAGE_SIZE;
      continue;
    }
    const folio = frames.folio(ptePfn(pte));
    const { entries, isWhole } = advisedFolio(vma, leaf, at, end);
    if (isWhole && clean(frames, folio)) {
      for (const each of entries)
        each.table.set(each.index, pteChange(each.pte, 0, PteFlag.young | PteFlag.dirty));
      markLazyFree(frames, folio);
    }
    at += entries.length * PAGE_SIZE;
  }
}

/** A dirty folio counts as clean from here on, if nobody else maps it. @returns is it clean? */
function clean(frames: Frames, folio: Pfn): boolean {
  if (!frames.test(folio, PageFlag.dirty)) return true;
  if (!frames.trylock(folio)) return false;
  const alone = frames.mapcount.get(folio) === frames.pagesOf(folio);
  if (alone) frames.mark(folio, 0, PageFlag.dirty);
  frames.unlock(folio);
  return alone;
}

/** folio_mark_lazyfree() */
function markLazyFree(frames: Frames, folio: Pfn): void {
  if (frames.test(folio, PageFlag.lru) && frames.test(folio, PageFlag.anon))
    frames.mark(folio, 0, PageFlag.swapbacked);
}

/** The part of madvise_free_huge_pmd() for a part of a huge page. @returns are there small ones now? */
function splitHuge(vma: Vma, leaf: Leaf, start: Hva, end: Hva): boolean {
  return end - start < PMD_SIZE && isOwn(vma, leaf) && splitAdvised(vma, ptePfn(leaf.pte));
}

/** madvise_free_huge_pmd(), of all of a huge page */
function freeHugePmd(vma: Vma, leaf: Leaf): void {
  const { frames } = vma.mm.host;
  const { table, index, pte } = leaf;
  const folio = ptePfn(pte);
  if (!isOwn(vma, leaf) || !frames.trylock(folio)) return;
  frames.mark(folio, 0, PageFlag.dirty);
  frames.unlock(folio);
  table.set(index, pteChange(pte, 0, PteFlag.young | PteFlag.dirty));
  markLazyFree(frames, folio);
}

/** A huge page, and no other process'. */
function isOwn({ mm }: Vma, { pte }: Leaf): boolean {
  return (
    ptePresent(pte) && !pteHas(pte, PteFlag.special) && !isMaybeMappedShared(mm.host.frames, ptePfn(pte))
  );
}

nameFunctions({
  madvise_free_single_vma: madviseFree,
  madvise_free_pte_range: freePteRange,
  folio_mark_lazyfree: markLazyFree,
  madvise_free_huge_pmd: freeHugePmd,
});

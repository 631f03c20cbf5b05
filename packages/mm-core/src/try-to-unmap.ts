import { nameFunctions } from "@kvmm/interleave";
import { PAGE_SIZE, type Pfn, PMD_SIZE } from "./addresses.js";
import type { Host } from "./host.js";
import { hugetlbRemoveRmap } from "./hugetlb/rmap.js";
import { adjustRangeIfPmdSharingPossible } from "./hugetlb/sharing.js";
import { type Leaf, leafAt, leafPage } from "./leaf.js";
import type { Mm } from "./mm.js";
import { invalidateRangeEnd, invalidateRangeStart } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import { ENTRY_SIZE } from "./page-table.js";
import { mkPte, type Pte, PteFlag, pteHas, ptePresent } from "./pte.js";
import { type Mapping, removeRmap, removeRmapPmd, rmapWalk } from "./rmap.js";
import type { SwapSlot } from "./swap.js";
import { splitHugePmdLocked } from "./thp/split-pmd.js";
import { VmFlag } from "./vma.js";

/** What try_to_unmap() leaves behind where a page was mapped. */
export interface UnmapTo {
  /** The slot that the contents of a private folio's first page go to, and the others' after it; 0: none. */
  readonly slot: SwapSlot;
  /** TTU_HWPOISON: whoever comes back gets SIGBUS. */
  readonly poisoned?: boolean;
  /** TTU_IGNORE_MLOCK */
  readonly ignoreLocked?: boolean;
}

/**
 * try_to_unmap(): takes a folio out of every mapping, each under a notifier of its own (try_to_unmap_one) over all that
 * the mapping can hold of it. The caller has locked the folio.
 */
export function tryToUnmap(host: Host, folio: Pfn, to: UnmapTo): void {
  const { frames } = host;
  for (const place of rmapWalk(host, folio)) {
    if (frames.mapcount.get(folio) === 0) break;
    const { mm } = place.vma;
    const isHugetlb = frames.test(folio, PageFlag.hugetlb);
    const { start, end } = isHugetlb
      ? adjustRangeIfPmdSharingPossible(place.vma.fields, place.address, place.end)
      : { start: place.address, end: place.end };
    const range = invalidateRangeStart(mm, start, end, "CLEAR", "try_to_unmap_one");
    mm.pageTableLock.lock();
    const references = unmapPlace(host, folio, place, to);
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
    for (let i = 0; i < references; i++) frames.put(folio);
  }
}

/** The loop of try_to_unmap_one(). @returns the references that the entries held */
function unmapPlace(host: Host, folio: Pfn, { vma, address, end }: Mapping, to: UnmapTo): number {
  const { frames } = host;
  const { mm, fields } = vma;
  const last = folio + frames.pagesOf(folio);
  let references = 0;
  for (let at = address; at < end; ) {
    const leaf = leafAt(mm, at);
    const size = ENTRY_SIZE[leaf === null ? 0 : leaf.table.level];
    const next = at - (at % size) + size;
    const page = leaf !== null && ptePresent(leaf.pte) ? leafPage(leaf, at) : -1;
    if (leaf === null || page < folio || page >= last) {
      at = next;
      continue;
    }
    if ((fields.flags & VmFlag.locked) !== 0 && to.ignoreLocked !== true) return references;
    if (frames.test(folio, PageFlag.hugetlb)) {
      // Only a poisoned page of hugetlb is ever unmapped so.
      leaf.table.set(leaf.index, mkPte(folio, PteFlag.poisoned));
      hugetlbRemoveRmap(frames, folio);
      return references + 1;
    }
    if (leaf.table.level === 1) {
      if (isLazyFree(host, folio)) return unmapHugePmd(host, folio, leaf, vma.mm) ? 1 : 0;
      // TTU_SPLIT_HUGE_PMD: once more, as small entries.
      splitHugePmdLocked(vma, at - (at % PMD_SIZE), false);
      continue;
    }
    if (isLazyFree(host, folio) && to.poisoned !== true && !isDiscardable(host, folio, leaf.pte))
      return references;
    if (pteHas(leaf.pte, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
    leaf.table.set(leaf.index, replacement(host, folio, page, leaf.pte, to));
    removeRmap(frames, folio, mm);
    references++;
    at += PAGE_SIZE;
  }
  return references;
}

/** unmap_huge_pmd_locked(): a huge page that MADV_FREE gave up goes in one piece. */
function unmapHugePmd(host: Host, folio: Pfn, { table, index, pte }: Leaf, mm: Mm): boolean {
  if (!isDiscardable(host, folio, pte)) return false;
  table.set(index, 0);
  removeRmapPmd(host.frames, folio, mm);
  return true;
}

/**
 * Whether what MADV_FREE gave up is still unwanted: written to since, it counts as any other page from here on; with a
 * reference beside those of the isolation and the mappings it stays as it is.
 */
function isDiscardable({ frames }: Host, folio: Pfn, pte: Pte): boolean {
  if (pteHas(pte, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
  if (frames.test(folio, PageFlag.dirty)) {
    frames.mark(folio, PageFlag.swapbacked);
    return false;
  }
  return frames.refcount.get(folio) === 1 + frames.mapcount.get(folio);
}

function replacement(
  { frames, swap }: Host,
  folio: Pfn,
  page: Pfn,
  pte: Pte,
  { slot, poisoned }: UnmapTo,
): Pte {
  if (poisoned === true) return mkPte(page, PteFlag.poisoned);
  if (!frames.test(folio, PageFlag.anon) || slot === 0) return 0;
  swap.get(slot + page - folio);
  const exclusive = frames.test(page, PageFlag.anonExclusive) ? PteFlag.exclusive : 0;
  return mkPte(
    slot + page - folio,
    PteFlag.swap | exclusive | (pteHas(pte, PteFlag.uffdWp) ? PteFlag.uffdWp : 0),
  );
}

/** folio_test_lazyfree(): a private folio that MADV_FREE gave up, and that may go without being written to swap. */
export function isLazyFree({ frames }: Host, folio: Pfn): boolean {
  return frames.test(folio, PageFlag.anon) && !frames.test(folio, PageFlag.swapbacked);
}

nameFunctions({
  try_to_unmap: tryToUnmap,
  unmap_huge_pmd_locked: unmapHugePmd,
  folio_test_lazyfree: isLazyFree,
});

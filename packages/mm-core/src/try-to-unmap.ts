import { nameFunctions } from "@kvmm/interleave";
import { PAGE_SIZE, type Pfn, type Pgoff, PMD_SIZE } from "./addresses.js";
import type { Inode } from "./file.js";
import type { Host } from "./host.js";
import { hugetlbRemoveRmap } from "./hugetlb/rmap.js";
import { adjustRangeIfPmdSharingPossible } from "./hugetlb/sharing.js";
import { type Leaf, leafAt, leafPage } from "./leaf.js";
import type { Mm } from "./mm.js";
import { invalidateRangeEnd, invalidateRangeStart } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import { ENTRY_SIZE } from "./page-table.js";
import { isPinnedExclusive } from "./pin.js";
import { mkPte, type Pte, PteFlag, pteHas, ptePresent } from "./pte.js";
import { type Mapping, removeRmap, removeRmapPmd, rmapWalk, rmapWalkFile } from "./rmap.js";
import type { SwapSlot } from "./swap.js";
import { splitHugePmdLocked } from "./thp/split-pmd.js";
import { isUffdWp, makeUffdWp } from "./userfaultfd/change-entry.js";
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
 * the mapping can hold of it, until nothing maps it or a mapping keeps it. The caller has locked the folio.
 */
export function tryToUnmap(host: Host, folio: Pfn, to: UnmapTo): void {
  unmapPlaces(host, rmapWalk(host, folio), folio, host.frames.pagesOf(folio), to);
}

/**
 * The same of so many pages of a file from `index` on, which are one folio in the kernel, though the model has small ones
 * there: a piece of a large folio that was split.
 */
export function tryToUnmapPiece(inode: Inode, index: Pgoff, first: Pfn, pages: number): void {
  const places = rmapWalkFile(inode, index, index + pages);
  unmapPlaces(inode.host, places, first, pages, { slot: 0, ignoreLocked: true });
}

function unmapPlaces(host: Host, places: readonly Mapping[], folio: Pfn, pages: number, to: UnmapTo): void {
  const { frames } = host;
  const isHugetlb = frames.test(folio, PageFlag.hugetlb);
  const site = isHugetlb ? host.behaviour.poisonedHugetlbSite : "try_to_unmap_one";
  for (const place of places) {
    const { mm } = place.vma;
    const { start, end } = isHugetlb
      ? adjustRangeIfPmdSharingPossible(place.vma.fields, place.address, place.end)
      : { start: place.address, end: place.end };
    const range = invalidateRangeStart(mm, start, end, "CLEAR", site);
    mm.pageTableLock.lock();
    const goesOn = unmapPlace(host, folio, folio + pages, place, to);
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
    if (!goesOn || frames.mapcount.get(folio) === 0) break;
  }
}

/** The loop of try_to_unmap_one(). @returns false: the mapping keeps the folio, and the others are not asked */
function unmapPlace(host: Host, folio: Pfn, last: Pfn, { vma, address, end }: Mapping, to: UnmapTo): boolean {
  const { frames } = host;
  const { mm, fields } = vma;
  for (let at = address; at < end; ) {
    const leaf = leafAt(mm, at);
    const size = ENTRY_SIZE[leaf === null ? 0 : leaf.table.level];
    const next = at - (at % size) + size;
    const page = leaf !== null && ptePresent(leaf.pte) ? leafPage(leaf, at) : -1;
    if (leaf === null || page < folio || page >= last) {
      at = next;
      continue;
    }
    if ((fields.flags & VmFlag.locked) !== 0 && to.ignoreLocked !== true) return false;
    if (frames.test(folio, PageFlag.hugetlb)) {
      // Only a poisoned page of hugetlb is ever unmapped so.
      leaf.table.set(leaf.index, mkPte(folio, PteFlag.poisoned));
      hugetlbRemoveRmap(frames, folio);
      frames.put(folio);
      return true;
    }
    if (leaf.table.level === 1) {
      if (isLazyFree(host, folio)) return unmapHugePmd(host, folio, leaf, vma.mm);
      // TTU_SPLIT_HUGE_PMD: once more, as small entries.
      splitHugePmdLocked(vma, at - (at % PMD_SIZE), false);
      continue;
    }
    if (to.poisoned !== true) {
      if (isLazyFree(host, folio) && !isDiscardable(host, folio, leaf.pte)) return false;
      if (isPinnedExclusive(frames, page)) return false;
    }
    if (pteHas(leaf.pte, PteFlag.dirty)) frames.mark(page, PageFlag.dirty);
    leaf.table.set(leaf.index, replacement(host, folio, page, leaf.pte, to));
    removeRmap(frames, page, mm);
    frames.put(page);
    at += PAGE_SIZE;
  }
  return true;
}

/** unmap_huge_pmd_locked(): a huge page that MADV_FREE gave up goes in one piece. */
function unmapHugePmd(host: Host, folio: Pfn, { table, index, pte }: Leaf, mm: Mm): boolean {
  if (!isDiscardable(host, folio, pte)) return false;
  table.set(index, 0);
  removeRmapPmd(host.frames, folio, mm);
  host.frames.put(folio);
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
  // pte_install_uffd_wp_if_needed(): the protection of a file's page outlives its mapping.
  if (!frames.test(folio, PageFlag.anon)) return isUffdWp(pte) ? makeUffdWp(0) : 0;
  if (slot === 0) return 0;
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

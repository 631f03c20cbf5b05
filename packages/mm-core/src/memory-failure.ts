import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "./addresses.js";
import { type Result, refuse } from "./errno.js";
import { Inode } from "./file.js";
import type { Host } from "./host.js";
import { isolateLru, migratePage } from "./migrate.js";
import { PageFlag } from "./page-flags.js";
import { splitFolio } from "./thp/split-folio.js";
import { tryToUnmap } from "./try-to-unmap.js";

/**
 * memory_failure(): a page is lost. It comes with a reference (MF_COUNT_INCREASED), which it keeps: a poisoned frame is
 * never handed out again. A transparent huge page is split first. Whoever mapped the page is told at the next access;
 * signals to others are not modelled.
 */
export function memoryFailure(host: Host, pfn: Pfn): Result<0> {
  const fn = "memory_failure";
  const { frames } = host;
  if (frames.test(pfn, PageFlag.hugetlb)) return hugetlbMemoryFailure(host, pfn);
  if (frames.test(pfn, PageFlag.hwpoison)) {
    frames.put(pfn);
    return refuse("EHWPOISON", fn, `frame ${pfn} is poisoned already`);
  }
  frames.mark(pfn, PageFlag.hwpoison);
  // shake_folio()
  host.lru.drain();
  if (frames.order(pfn) !== 0 && !tryToSplitThpPage(host, pfn))
    return refuse("EHWPOISON", fn, `frame ${pfn} is part of a huge page that could not be split`);
  frames.lock(pfn);
  const owner = frames.mapping(pfn);
  if (frames.mapcount.get(pfn) > 0) tryToUnmap(host, pfn, { slot: 0, poisoned: true, ignoreLocked: true });
  if (frames.mapcount.get(pfn) > 0) {
    frames.unlock(pfn);
    return refuse("EBUSY", fn, `frame ${pfn} could not be unmapped`);
  }
  // identify_page_state(), me_pagecache_clean(), me_pagecache_dirty()
  isolateFromLru(host, pfn);
  let recovered = true;
  if (owner instanceof Inode) {
    owner.errorRemoveFolio(frames.index.get(pfn));
    // has_extra_refcount(): shmem keeps the page, as a note for whoever comes; another file's reference is one too many.
    recovered = frames.refcount.get(pfn) - 1 <= (owner.traits.swapbacked ? 1 : 0);
  }
  frames.unlock(pfn);
  return recovered ? 0 : refuse("EBUSY", "has_extra_refcount", `frame ${pfn} is still used by its file`);
}

/**
 * try_memory_failure_hugetlb(): a page of a huge one is lost, and with it all of the huge one, which is unmapped as a
 * whole. The file keeps its own, as a note for whoever comes; a private one leaves the pool, and but for the lost page it
 * is ordinary memory from then on. So in 7.2; 7.3 unmaps it with a function of its own (try_to_unmap_poisoned_hugetlb_one).
 */
function hugetlbMemoryFailure(host: Host, pfn: Pfn): Result<0> {
  const fn = "try_memory_failure_hugetlb";
  const { frames } = host;
  const folio = frames.folio(pfn);
  if (frames.test(folio, PageFlag.hwpoison)) {
    frames.put(folio);
    return refuse("EHWPOISON", fn, `the huge page of frame ${pfn} is poisoned already`);
  }
  // hugetlb_update_hwpoison(): of the folio, and in a list of its own which page it was. It is not migratable any more.
  frames.mark(folio, PageFlag.hwpoison, PageFlag.lru);
  frames.mark(pfn, PageFlag.hwpoison);
  frames.lock(folio);
  if (frames.mapcount.get(folio) > 0)
    tryToUnmap(host, folio, { slot: 0, poisoned: true, ignoreLocked: true });
  const isUnmapped = frames.mapcount.get(folio) === 0;
  const isFiles = frames.mapping(folio) instanceof Inode;
  frames.unlock(folio);
  if (!isUnmapped) return refuse("EBUSY", fn, `the huge page of frame ${pfn} could not be unmapped`);
  // me_huge_page(), hugetlbfs_error_remove_folio()
  if (isFiles) return 0;
  frames.put(folio);
  // folio_clear_hugetlb_hwpoison()
  if (pfn !== folio) frames.mark(folio, 0, PageFlag.hwpoison);
  const retired = host.hstateOf(folio).dissolve(folio, pfn);
  return retired
    ? 0
    : refuse("EBUSY", "me_huge_page", `the huge page of frame ${pfn} could not leave its pool`);
}

/** delete_from_lru_cache() */
function isolateFromLru(host: Host, pfn: Pfn): void {
  if (isolateLru(host, pfn)) host.frames.put(pfn);
}

/** try_to_split_thp_page(), which lets go of a page that could not be split. */
function tryToSplitThpPage(host: Host, page: Pfn): boolean {
  const { frames } = host;
  frames.lock(page);
  const split = splitFolio(host, page);
  frames.unlock(page);
  if (!split) frames.put(page);
  return split;
}

/**
 * soft_offline_page(): a page that is about to fail is replaced by another one, and never used again. It comes with a
 * reference.
 */
export function softOfflinePage(host: Host, pfn: Pfn): Result<0> {
  const fn = "soft_offline_in_use_page";
  const { frames } = host;
  if (frames.test(pfn, PageFlag.hwpoison)) {
    frames.put(pfn);
    return 0;
  }
  host.lru.drain();
  const isHugetlb = frames.test(pfn, PageFlag.hugetlb);
  if (frames.order(pfn) !== 0 && !isHugetlb && !tryToSplitThpPage(host, pfn)) {
    return refuse("EBUSY", fn, `frame ${pfn} is part of a huge page that could not be split`);
  }
  const folio = frames.folio(pfn);
  const isolated = isolateLru(host, folio);
  frames.put(folio);
  if (!isolated) return refuse("EBUSY", fn, `frame ${pfn} could not be isolated`);
  const node = frames.nodeOf(pfn);
  // MIGRATE_SYNC: once without waiting, once more with.
  const keep =
    !migratePage(host, folio, node) && !(isolateLru(host, folio) && migratePage(host, folio, node));
  if (keep) return refuse("EBUSY", fn, `frame ${pfn} could not be moved`);
  // page_handle_poison(): the old frame is free now, and is taken out of use; a huge one leaves its pool for that.
  const retired = isHugetlb ? host.hstateOf(folio).dissolve(folio, pfn) : frames.retire(pfn);
  return retired ? 0 : refuse("EBUSY", "page_handle_poison", `frame ${pfn} is in use again`);
}

nameFunctions({
  memory_failure: memoryFailure,
  delete_from_lru_cache: isolateFromLru,
  try_to_split_thp_page: tryToSplitThpPage,
  soft_offline_page: softOfflinePage,
});

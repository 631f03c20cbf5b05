import { nameFunctions } from "@kvmm/interleave";
import { PAGE_SIZE, type Pfn, type Pgoff, PMD_PAGES } from "../addresses.js";
import type { Inode, OpenFile } from "../file.js";
import { isolateLru, putbackLru } from "../migrate.js";
import { PageFlag } from "../page-flags.js";
import type { Task } from "../task.js";
import { tryToUnmap } from "../try-to-unmap.js";
import { VmFlag } from "../vma.js";
import { type CollapseControl, collapseMaxPtesNone, collapseMaxPtesSwap } from "./collapse-control.js";
import { type CollapseTarget, collapseFindTargetNode } from "./collapse-target.js";
import { retractPageTables } from "./retract-page-tables.js";
import type { ScanResult } from "./scan-result.js";

/**
 * collapse_scan_file(), of shared memory. Whether its pages are in use is not asked. Without mmap_lock.
 * @param first page of the file, the first of 2 MiB
 * @returns SCAN_PTE_MAPPED_HUGEPAGE: the page cache has a huge page there, which is still to be mapped
 */
export function collapseScanFile(
  task: Task,
  file: OpenFile,
  first: Pgoff,
  control: CollapseControl,
): ScanResult {
  const inode = file.inode!;
  const { host, pages: cached } = inode;
  const { frames, thp } = host;
  const maxSwap = collapseMaxPtesSwap(thp, control);
  const load = new Array<number>(frames.nodes).fill(0);
  const end = first + PMD_PAGES;
  let swapped = 0;
  let present = 0;
  for (let index = nextEntry(inode, first, end); index >= 0; index = nextEntry(inode, index + 1, end)) {
    const pfn = cached.get(index);
    if (pfn === 0) {
      if (++swapped > maxSwap) return "SCAN_EXCEED_SWAP_PTE";
      continue;
    }
    if (!frames.tryGet(pfn)) continue;
    const isHuge = frames.order(pfn) !== 0;
    const isOnLru = frames.test(pfn, PageFlag.lru);
    // folio_expected_ref_count(), and this look at it
    const isHeld = frames.refcount.get(pfn) !== frames.mapcount.get(pfn) + 2;
    frames.put(pfn);
    if (isHuge) return "SCAN_PTE_MAPPED_HUGEPAGE";
    load[frames.nodeOf(pfn)]!++;
    if (!isOnLru) return "SCAN_PAGE_LRU";
    if (isHeld) return "SCAN_PAGE_COUNT";
    present++;
  }
  if (present < PMD_PAGES - collapseMaxPtesNone(thp, control, null)) return "SCAN_EXCEED_NONE_PTE";
  const result = collapseFile(task, file, first, collapseFindTargetNode(load));
  return result === "SCAN_SUCCEED" && control === "MADV_COLLAPSE" ? "SCAN_PTE_MAPPED_HUGEPAGE" : result;
}

/** xas_for_each(): the next place in a file where a page or a slot of swap is, or -1. */
function nextEntry({ pages: cached, swapped }: Inode, from: Pgoff, end: Pgoff): Pgoff {
  const page = cached.next(from, end);
  const slot = swapped.next(from, page < 0 ? end : page);
  return slot < 0 ? page : slot;
}

/** collapse_file(): the small pages are locked and unmapped, and a huge one takes their contents and their place. */
function collapseFile(task: Task, file: OpenFile, first: Pgoff, target: CollapseTarget): ScanResult {
  const inode = file.inode!;
  const { host } = inode;
  const { frames } = host;
  const folio = frames.alloc(target.node, target.allowed, 9);
  if (folio === null) return "SCAN_ALLOC_HUGE_PAGE_FAIL";
  frames.lock(folio);
  frames.setMapping(folio, inode, first);
  const old: Pfn[] = [];
  const failed = takePages(task, file, first, old) ?? replacePages(inode, first, folio, old);
  if (failed !== null) {
    for (const pfn of old) {
      frames.unlock(pfn);
      putbackLru(host, pfn);
      frames.put(pfn);
    }
    frames.setMapping(folio, null, 0);
    frames.unlock(folio);
    frames.put(folio);
    return failed;
  }
  host.lru.add(task.cpu.get(), folio);
  retractPageTables(inode, first);
  frames.unlock(folio);
  for (const pfn of old) {
    frames.setMapping(pfn, null, 0);
    frames.unlock(pfn);
    frames.putMany(pfn, HELD);
  }
  host.store.trace("collapse_file", () => `${inode.name}: a huge page from page ${first} on`);
  return "SCAN_SUCCEED";
}

/** References to a page that is taken: of its taking, of its isolation, and of the page cache. */
const HELD = 3;

/** Takes all pages that are there, those in swap too, into `taken`. @returns why it could not */
function takePages(task: Task, file: OpenFile, first: Pgoff, taken: Pfn[]): ScanResult | null {
  const { pages: cached, swapped } = file.inode!;
  const end = first + PMD_PAGES;
  for (let index = first; index < end; index++) {
    if (cached.get(index) === 0 && swapped.get(index) === 0) {
      const isEmpty = index === first && cached.next(first, end) < 0 && swapped.next(first, end) < 0;
      if (isEmpty) return "SCAN_TRUNCATED";
      continue;
    }
    const pfn = lockPage(task, file, index);
    if (typeof pfn === "string") return pfn;
    const failed = takePage(file.inode!, pfn);
    if (failed !== null) return failed;
    taken.push(pfn);
  }
  return null;
}

/** The page of a file, locked and with a reference; up to date, if it has to be read from swap or zeroed for that. */
function lockPage(task: Task, file: OpenFile, index: Pgoff): Pfn | ScanResult {
  const inode = file.inode!;
  const { frames, lru, store } = inode.host;
  const cached = store.atomic("xas_lock_irq", () => {
    const pfn = inode.pages.get(index);
    if (pfn === 0 || !frames.test(pfn, PageFlag.uptodate)) return null;
    if (!frames.trylock(pfn)) return "SCAN_PAGE_LOCK";
    frames.get(pfn);
    return pfn;
  });
  if (cached !== null) return cached;
  // shmem_get_folio(SGP_NOALLOC)
  if (index * PAGE_SIZE >= inode.size.get()) return "SCAN_FAIL";
  const pfn = file.ops.uffdOps!.getFolioNoalloc(task, file, index);
  if (pfn === null) return "SCAN_FAIL";
  frames.mark(pfn, PageFlag.uptodate);
  lru.drain();
  return pfn;
}

/** Off the LRU and out of every mapping; else it is let go. @returns why */
function takePage({ host }: Inode, pfn: Pfn): ScanResult | null {
  const { frames } = host;
  let failed: ScanResult | null = null;
  if (frames.order(pfn) !== 0) failed = "SCAN_PTE_MAPPED_HUGEPAGE";
  else if (!isolateLru(host, pfn)) failed = "SCAN_DEL_PAGE_LRU";
  else {
    if (frames.mapcount.get(pfn) > 0) tryToUnmap(host, pfn, { slot: 0, ignoreLocked: true });
    if (frames.refcount.get(pfn) !== HELD) {
      failed = "SCAN_PAGE_COUNT";
      putbackLru(host, pfn);
    }
  }
  if (failed === null) return null;
  frames.unlock(pfn);
  frames.put(pfn);
  return failed;
}

/**
 * The contents of the `old` pages pass to the huge one, which takes their place in the page cache, if what was a hole still
 * is one and no userfaultfd is to be asked for it. @returns why not
 */
function replacePages(inode: Inode, first: Pgoff, folio: Pfn, old: readonly Pfn[]): ScanResult | null {
  const { frames, store } = inode.host;
  store.atomic("copy_mc_highpage", () => {
    for (const pfn of old) frames.word.set(folio + frames.index.get(pfn) - first, frames.word.get(pfn));
  });
  const hasHoles = old.length < PMD_PAGES;
  if (hasHoles) inode.mappingsLock.readLock();
  const failed = store.atomic("xas_store", () => {
    if (hasHoles) {
      if (cachedPages(inode, first) !== old.length) return "SCAN_PAGE_FILLED";
      // The last page of the tree's interval is included.
      const mappings = inode.mappings.overlapping(first, first + PMD_PAGES + 1);
      if (mappings.some(({ fields }) => (fields.flags & VmFlag.uffdMissing) !== 0))
        return "SCAN_EXCEED_NONE_PTE";
    }
    frames.mark(folio, PageFlag.uptodate | PageFlag.dirty | PageFlag.swapbacked);
    frames.getMany(folio, PMD_PAGES - 1);
    for (let page = 0; page < PMD_PAGES; page++) inode.pages.set(first + page, folio + page);
    return null;
  });
  if (hasHoles) inode.mappingsLock.readUnlock();
  return failed;
}

/** How many of 512 pages are cached or in swap. */
function cachedPages({ pages: cached, swapped }: Inode, first: Pgoff): number {
  let count = 0;
  for (let page = first; page < first + PMD_PAGES; page++) {
    if (cached.get(page) !== 0 || swapped.get(page) !== 0) count++;
  }
  return count;
}

nameFunctions({
  collapse_scan_file: collapseScanFile,
  collapse_file: collapseFile,
});

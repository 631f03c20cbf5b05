import { type Hva, PAGE_SIZE, type Pfn, type Pgoff } from "./addresses.js";
import type { Inode } from "./file.js";
import { type Mempolicy, placement, taskPolicy } from "./mempolicy.js";
import { PageFlag } from "./page-flags.js";
import type { Task } from "./task.js";
import { freeBatch, zapVmaRangeBatched } from "./zap.js";

/** filemap_lock_folio(): the cached page, locked and with a reference, or null. */
export function filemapLockFolio(inode: Inode, index: Pgoff): Pfn | null {
  const { frames } = inode.host;
  const pfn = inode.pages.get(index);
  if (pfn === 0 || !frames.tryGet(pfn)) return null;
  frames.lock(pfn);
  if (inode.pages.get(index) === pfn) return pfn;
  frames.unlock(pfn);
  frames.put(pfn);
  return filemapLockFolio(inode, index);
}

/**
 * __filemap_get_folio_mpol(FGP_LOCK | FGP_CREAT): the cached page, or a new one, locked and with a reference for the
 * caller besides the cache's. A new page is zero, and not up to date yet.
 * @param policy where to put a new one; null: as the task's policy says
 * @returns null when memory is exhausted
 */
export function filemapCreateFolio(
  task: Task,
  inode: Inode,
  index: Pgoff,
  policy: Mempolicy | null,
): Pfn | null {
  const cached = filemapLockFolio(inode, index);
  if (cached !== null) return cached;
  const { frames } = inode.host;
  const { node, allowed } = placement(policy ?? taskPolicy(task), task.node, index);
  const pfn = frames.alloc(node, allowed);
  if (pfn === null) return null;
  frames.lock(pfn);
  frames.get(pfn);
  frames.setMapping(pfn, inode, index);
  const { traits } = inode;
  frames.mark(
    pfn,
    (traits.swapbacked ? PageFlag.swapbacked : 0) | (traits.unevictable ? PageFlag.unevictable : 0),
  );
  // Somebody else may have been first (-EEXIST): then theirs it is.
  if (!insertPage(inode, index, pfn)) {
    frames.setMapping(pfn, null, 0);
    frames.unlock(pfn);
    frames.put(pfn);
    frames.put(pfn);
    return filemapCreateFolio(task, inode, index, policy);
  }
  inode.host.lru.add(task.cpu.get(), pfn);
  return pfn;
}

/** __filemap_add_folio(): looks and stores under the xarray's lock, in one step. @returns false if a page is there */
function insertPage(inode: Inode, index: Pgoff, pfn: Pfn): boolean {
  return inode.host.store.atomic("__filemap_add_folio", () => {
    if (inode.pages.get(index) !== 0) return false;
    inode.pages.set(index, pfn);
    return true;
  });
}

/** filemap_remove_folio(), and the cache's reference. The page is locked and unmapped. */
export function filemapRemoveFolio(inode: Inode, index: Pgoff, pfn: Pfn): void {
  const { frames } = inode.host;
  inode.pages.set(index, 0);
  frames.setMapping(pfn, null, 0);
  frames.put(pfn);
}

/** unmap_mapping_range_tree(): out of every mapping of the file. `evenCows`: private copies too. */
export function unmapMappingRange(inode: Inode, start: Pgoff, end: Pgoff, evenCows: boolean): void {
  inode.mappingsLock.readLock();
  for (const vma of inode.mappings.overlapping(start, end)) {
    const fields = vma.fields;
    const from: Hva = fields.start + Math.max(0, start - fields.pgoff) * PAGE_SIZE;
    const to: Hva = Math.min(fields.end, fields.start + (end - fields.pgoff) * PAGE_SIZE);
    freeBatch(vma.mm.host, zapVmaRangeBatched(vma, from, to, { skipCows: !evenCows }));
  }
  inode.mappingsLock.readUnlock();
}

/**
 * truncate_inode_pages_range(): every cached page in `[start, end)` is unmapped (unmap_mapping_folio) and leaves the
 * cache.
 */
export function truncateInodePagesRange(inode: Inode, start: Pgoff, end: Pgoff): void {
  const { frames } = inode.host;
  for (let index = inode.pages.next(start, end); index >= 0; index = inode.pages.next(index + 1, end)) {
    const pfn = filemapLockFolio(inode, index);
    if (pfn === null) continue;
    if (frames.mapcount.get(pfn) > 0) unmapMappingRange(inode, index, index + 1, false);
    filemapRemoveFolio(inode, index, pfn);
    frames.unlock(pfn);
    frames.put(pfn);
  }
}

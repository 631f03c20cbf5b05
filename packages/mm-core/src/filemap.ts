import { nameFunctions } from "@kvmm/interleave";
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
  // Somebody else may have been first: then theirs it is.
  if (!filemapAddFolio(inode, index, pfn)) {
    frames.unlock(pfn);
    frames.put(pfn);
    return filemapCreateFolio(task, inode, index, policy);
  }
  inode.host.lru.add(task.cpu.get(), pfn);
  return pfn;
}

/**
 * filemap_add_folio(), shmem_add_to_page_cache(): a new, locked folio is the file's from `index` on, with a reference for
 * each of its pages. @returns false if another is there (-EEXIST)
 */
export function filemapAddFolio(inode: Inode, index: Pgoff, folio: Pfn): boolean {
  const { frames } = inode.host;
  const size = frames.pagesOf(folio);
  frames.getMany(folio, size);
  frames.setMapping(folio, inode, index);
  const { traits } = inode;
  frames.mark(
    folio,
    (traits.swapbacked ? PageFlag.swapbacked : 0) | (traits.unevictable ? PageFlag.unevictable : 0),
  );
  if (insertFolio(inode, index, folio, size)) return true;
  frames.setMapping(folio, null, 0);
  for (let page = 0; page < size; page++) frames.put(folio);
  return false;
}

/** __filemap_add_folio(): looks and stores under the xarray's lock, in one step. @returns false if a page is there */
function insertFolio({ host, pages }: Inode, index: Pgoff, folio: Pfn, size: number): boolean {
  return host.store.atomic("__filemap_add_folio", () => {
    if (size === 1 ? pages.get(index) !== 0 : pages.next(index, index + size) >= 0) return false;
    for (let page = 0; page < size; page++) pages.set(index + page, folio + page);
    return true;
  });
}

/** filemap_remove_folio(), and the cache's references. The folio is locked and unmapped. */
export function filemapRemoveFolio(inode: Inode, index: Pgoff, folio: Pfn): void {
  const { frames } = inode.host;
  const size = frames.pagesOf(folio);
  for (let page = 0; page < size; page++) inode.pages.set(index + page, 0);
  frames.setMapping(folio, null, 0);
  for (let page = 0; page < size; page++) frames.put(folio);
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

nameFunctions({
  filemap_lock_folio: filemapLockFolio,
  filemap_add_folio: filemapAddFolio,
  __filemap_add_folio: insertFolio,
  filemap_remove_folio: filemapRemoveFolio,
  unmap_mapping_range_tree: unmapMappingRange,
});

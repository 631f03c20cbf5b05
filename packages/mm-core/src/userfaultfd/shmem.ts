import { PAGE_SIZE, type Pfn, type Pgoff } from "../addresses.js";
import type { Inode, OpenFile } from "../file.js";
import { filemapAddFolio } from "../filemap.js";
import { type Mempolicy, placement, taskPolicy } from "../mempolicy.js";
import type { Task } from "../task.js";

/** shmem_mfill_folio_alloc(): a new page, with a reference; null: none is to be had, or the file ends before it. */
export function shmemMfillFolioAlloc(
  task: Task,
  { host, size }: Inode,
  index: Pgoff,
  policy: Mempolicy | null,
): Pfn | null {
  if (index * PAGE_SIZE >= size.get()) return null;
  const { node, allowed } = placement(policy ?? taskPolicy(task), task.node, index);
  return host.frames.alloc(node, allowed);
}

/** shmem_mfill_filemap_add(): into the file, and locked from here on. @returns false if something is there */
export function shmemMfillFilemapAdd(task: Task, file: OpenFile, index: Pgoff, pfn: Pfn): boolean {
  const { frames, lru } = file.host;
  const inode = file.inode!;
  frames.lock(pfn);
  // What is in swap is there as well (shmem_add_to_page_cache()).
  if (inode.swapped.get(index) !== 0 || !filemapAddFolio(inode, index, pfn)) {
    frames.unlock(pfn);
    return false;
  }
  lru.add(task.cpu.get(), pfn);
  return true;
}

import { type Pfn, type Pgoff, PMD_PAGES } from "../addresses.js";
import type { Fault } from "../fault/fault.js";
import type { Inode } from "../file.js";
import { filemapAddFolio } from "../filemap.js";
import { type Mempolicy, placement, taskPolicy } from "../mempolicy.js";
import { NotModelled } from "../not-modelled.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";
import { thpVmaSuitable } from "./allowable.js";
import { shmemHugeGlobalEnabled } from "./shmem-orders.js";

/**
 * shmem_alloc_and_add_folio(), where shmem_allowable_huge_orders() allows a huge page: a new one in the page cache, locked
 * and with a reference for the caller; zeroed, and not up to date yet.
 * @param fault null: the page is for a system call on the file
 * @param writeEnd where a write ends, which may be beyond the file's size
 * @returns its first page; null: a small page has to do
 */
export function shmemAddHugeFolio(
  task: Task,
  inode: Inode,
  index: Pgoff,
  fault: Fault | null,
  writeEnd: number,
  policy: Mempolicy | null,
): Pfn | null {
  const { host } = inode;
  const first = index - (index % PMD_PAGES);
  if (fault === null) {
    const orders = shmemHugeGlobalEnabled(inode, index, writeEnd, 0);
    if (orders === "none" || (orders === "huge" && !isFree(inode, first))) return null;
    if (orders === "smaller" || !isFree(inode, first))
      throw new NotModelled("folios of shared memory between 4 KiB and 2 MiB");
  } else if (!allowedToFault(inode, index, fault) || !isFree(inode, first)) return null;

  const { frames } = host;
  const { node, allowed } = placement(policy ?? taskPolicy(task), task.node, first / PMD_PAGES);
  const folio = frames.alloc(node, allowed, 9);
  if (folio === null) return null;
  frames.lock(folio);
  if (!filemapAddFolio(inode, first, folio)) {
    frames.unlock(folio);
    frames.put(folio);
    return null;
  }
  host.lru.add(task.cpu.get(), folio);
  host.store.trace("shmem_alloc_and_add_folio", () => `${inode.name}: a huge page from page ${first} on`);
  return folio;
}

/**
 * shmem_allowable_huge_orders() of a fault, thp_vma_suitable_order(): the switch for 2 MiB inherits from the one for all,
 * whatever sizes that allows.
 */
function allowedToFault(inode: Inode, index: Pgoff, { fields, address }: Fault): boolean {
  if ((fields.flags & VmFlag.nohugepage) !== 0 || !thpVmaSuitable(fields, address)) return false;
  return shmemHugeGlobalEnabled(inode, index, 0, fields.flags) !== "none";
}

/** shmem_suitable_orders(): is nothing cached or swapped where the huge page would be? */
function isFree({ pages: cached, swapped }: Inode, first: Pgoff): boolean {
  return cached.next(first, first + PMD_PAGES) < 0 && swapped.next(first, first + PMD_PAGES) < 0;
}

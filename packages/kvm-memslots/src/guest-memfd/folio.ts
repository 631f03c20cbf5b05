import { nameFunctions } from "@kvmm/interleave";
import {
  filemapCreateFolio,
  filemapLockFolio,
  type Host,
  PageFlag,
  type Pfn,
  type Pgoff,
  type Task,
} from "@kvmm/mm-core";
import type { GmemInode } from "./gmem-inode.js";

/**
 * kvm_gmem_get_folio(): the page of the file, locked and with a reference; made where there is none. Takes no
 * invalidate lock. @returns null when memory is exhausted
 */
export function gmemGetFolio(task: Task, inode: GmemInode, index: Pgoff): Pfn | null {
  const cached = filemapLockFolio(inode, index);
  if (cached !== null) return cached;
  const policy = inode.policy.lookup(index);
  const pfn = filemapCreateFolio(task, inode, index, policy);
  inode.host.store.trace("kvm_gmem_get_folio", () =>
    pfn === null
      ? "out of memory"
      : `page ${index} of the file is now frame ${pfn} on node ${inode.host.frames.nodeOf(pfn)}`,
  );
  return pfn;
}

/** What the first user of a page does, guest or VMM: clears it (it is new, so it is clear) and marks it up to date. */
export function gmemMarkUptodate(host: Host, pfn: Pfn): void {
  if (!host.frames.test(pfn, PageFlag.uptodate)) host.frames.mark(pfn, PageFlag.uptodate);
}

nameFunctions({
  kvm_gmem_get_folio: gmemGetFolio,
});

import { nameFunctions } from "@kvmm/interleave";
import { hex, type Pgoff } from "@kvmm/mm-core";
import { mmuInvalidateEnd, mmuInvalidateStart, mmuUnmapGfnRange } from "../invalidate/invalidate.js";
import type { GmemFile, GmemInode } from "./gmem-inode.js";

/**
 * kvm_gmem_invalidate_start(): takes the pages `[start, end)` of the file out of every guest, and keeps faults away.
 * Under the invalidate lock, so that {@link gmemInvalidateEnd} finds the same bindings.
 */
export function gmemInvalidateStart(inode: GmemInode, start: Pgoff, end: Pgoff): void {
  for (const file of inode.gmemFiles.get()) gmemFileInvalidateStart(inode, file, start, end);
}

/** kvm_gmem_invalidate_end() */
export function gmemInvalidateEnd(inode: GmemInode, start: Pgoff, end: Pgoff): void {
  for (const file of inode.gmemFiles.get()) gmemFileInvalidateEnd(file, start, end);
}

/** __kvm_gmem_invalidate_start(): for one VM. Without a binding in the range nothing happens. */
export function gmemFileInvalidateStart(inode: GmemInode, file: GmemFile, start: Pgoff, end: Pgoff): void {
  const { kvm } = file;
  let flush = false;
  let foundMemslot = false;
  for (const slot of file.bindings.overlapping(start, end)) {
    if (!foundMemslot) {
      foundMemslot = true;
      kvm.mmuLock.writeLock();
      mmuInvalidateStart(kvm);
    }
    const first = slot.baseGfn + Math.max(slot.gmemPgoff, start) - slot.gmemPgoff;
    const last = slot.baseGfn + Math.min(slot.gmemPgoff + slot.npages, end) - slot.gmemPgoff;
    kvm.store.trace(
      "__kvm_gmem_invalidate_start",
      () => `gfn ${hex(first)} to ${hex(last)} of ${slot} is unmapped from the guest`,
    );
    const zapped = mmuUnmapGfnRange(kvm, {
      slot,
      start: first,
      end: last,
      mayBlock: true,
      lockless: false,
      attrFilter: inode.isInitShared ? "shared" : "private",
    });
    flush = zapped || flush;
  }
  if (flush) kvm.mmu.flushRemoteTlbs();
  if (foundMemslot) kvm.mmuLock.writeUnlock();
}

/** __kvm_gmem_invalidate_end() */
export function gmemFileInvalidateEnd(file: GmemFile, start: Pgoff, end: Pgoff): void {
  if (file.bindings.first(start, end) === undefined) return;
  const { kvm } = file;
  kvm.mmuLock.writeLock();
  mmuInvalidateEnd(kvm);
  kvm.mmuLock.writeUnlock();
}

nameFunctions({
  kvm_gmem_invalidate_start: gmemInvalidateStart,
  kvm_gmem_invalidate_end: gmemInvalidateEnd,
  __kvm_gmem_invalidate_start: gmemFileInvalidateStart,
  __kvm_gmem_invalidate_end: gmemFileInvalidateEnd,
});

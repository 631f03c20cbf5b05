import { nameFunctions } from "@kvmm/interleave";
import { type OpenFile, truncateInodePagesRange } from "@kvmm/mm-core";
import { putKvm } from "../destroy-vm.js";
import { useMemslot } from "../use-after-free.js";
import type { GmemFile, GmemInode } from "./gmem-inode.js";
import { gmemFileInvalidateEnd, gmemFileInvalidateStart } from "./invalidate.js";

/**
 * kvm_gmem_release(): the last descriptor and mapping of a guest_memfd went. Its memslots lose their memory, and with
 * the file goes its reference to the VM.
 */
export function gmemRelease(file: OpenFile): void {
  const inode = file.inode as GmemInode;
  const gmem = file.data as GmemFile;
  const { kvm } = gmem;
  kvm.slotsLock.lock();
  inode.invalidateLock.writeLock();
  for (const slot of gmem.bindings.overlapping(0, Number.MAX_SAFE_INTEGER)) {
    useMemslot(slot, "kvm_gmem_release");
    slot.gmemFile.set(null);
  }
  gmemFileInvalidateStart(inode, gmem, 0, Number.MAX_SAFE_INTEGER);
  gmemFileInvalidateEnd(gmem, 0, Number.MAX_SAFE_INTEGER);
  inode.gmemFiles.update((files) => files.filter((other) => other !== gmem));
  inode.invalidateLock.writeUnlock();
  kvm.slotsLock.unlock();
  putKvm(kvm);
  freePages(inode);
}

/** The inode goes with its only file: iput() empties the page cache, which nobody maps any more. */
function freePages(inode: GmemInode): void {
  truncateInodePagesRange(inode, 0, Number.MAX_SAFE_INTEGER);
}

nameFunctions({
  kvm_gmem_release: gmemRelease,
});

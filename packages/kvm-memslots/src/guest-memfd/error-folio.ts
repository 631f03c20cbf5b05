import { nameFunctions } from "@kvmm/interleave";
import type { Inode, Pgoff } from "@kvmm/mm-core";
import { GmemInode } from "./gmem-inode.js";
import { gmemInvalidateEnd, gmemInvalidateStart } from "./invalidate.js";

/**
 * kvm_gmem_error_folio(): memory failure hit a page. The guests lose their mapping of it, the file keeps it: a guest
 * that comes back is told (EHWPOISON). @returns what memory failure makes of it; null: no guest_memfd's page
 */
export function gmemErrorFolio(inode: Inode, index: Pgoff): "MF_DELAYED" | null {
  if (!(inode instanceof GmemInode)) return null;
  inode.invalidateLock.readLock();
  gmemInvalidateStart(inode, index, index + 1);
  gmemInvalidateEnd(inode, index, index + 1);
  inode.invalidateLock.readUnlock();
  return "MF_DELAYED";
}

nameFunctions({
  kvm_gmem_error_folio: gmemErrorFolio,
});

import { nameFunctions } from "@kvmm/interleave";
import {
  FallocFlag,
  hex,
  type OpenFile,
  PAGE_SIZE,
  pages,
  type Refusal,
  refuse,
  type Task,
  truncateInodePagesRange,
} from "@kvmm/mm-core";
import { gmemGetFolio } from "./folio.js";
import type { GmemInode } from "./gmem-inode.js";
import { gmemInvalidateEnd, gmemInvalidateStart } from "./invalidate.js";

/** kvm_gmem_fallocate() */
export function gmemFallocate(
  task: Task,
  file: OpenFile,
  mode: number,
  offset: number,
  length: number,
): Refusal | undefined {
  const fn = "kvm_gmem_fallocate";
  const modes = "FALLOC_FL_KEEP_SIZE, with or without FALLOC_FL_PUNCH_HOLE";
  if ((mode & FallocFlag.keepSize) === 0) {
    return refuse("EOPNOTSUPP", fn, `mode ${hex(mode)} without FALLOC_FL_KEEP_SIZE`, modes);
  }
  if ((mode & ~(FallocFlag.keepSize | FallocFlag.punchHole)) !== 0) {
    return refuse("EOPNOTSUPP", fn, `mode ${hex(mode)}`, modes);
  }
  if (offset % PAGE_SIZE !== 0 || length % PAGE_SIZE !== 0) {
    const reason = `offset ${hex(offset)} or length ${hex(length)} is not page-aligned`;
    return refuse("EINVAL", fn, reason, "multiples of the page size, 4096");
  }
  const inode = file.inode as GmemInode;
  if ((mode & FallocFlag.punchHole) !== 0) return gmemPunchHole(inode, pages(offset), pages(offset + length));
  return gmemAllocate(task, inode, pages(offset), pages(offset + length));
}

/** kvm_gmem_punch_hole(): out of the guests, out of the mappings, out of the file. Never fails. */
export function gmemPunchHole(inode: GmemInode, start: number, end: number): undefined {
  inode.invalidateLock.writeLock();
  gmemInvalidateStart(inode, start, end);
  truncateInodePagesRange(inode, start, end);
  gmemInvalidateEnd(inode, start, end);
  inode.invalidateLock.writeUnlock();
  return undefined;
}

/** kvm_gmem_allocate(): excludes holes being punched, but no faults. */
function gmemAllocate(task: Task, inode: GmemInode, start: number, end: number): Refusal | undefined {
  const fn = "kvm_gmem_allocate";
  const size = inode.size.get();
  if (end * PAGE_SIZE > size) {
    const reason = `the range ends at ${hex(end * PAGE_SIZE)}, beyond the file's size ${hex(size)}`;
    return refuse("EINVAL", fn, reason, "ranges within the file");
  }
  const { frames } = inode.host;
  let refusal: Refusal | undefined;
  inode.invalidateLock.readLock();
  for (let index = start; index < end; index++) {
    const pfn = gmemGetFolio(task, inode, index);
    if (pfn === null) {
      refusal = refuse(
        "ENOMEM",
        fn,
        `no memory for page ${index} of the file`,
        "the same, once memory is free",
      );
      break;
    }
    frames.unlock(pfn);
    frames.put(pfn);
  }
  inode.invalidateLock.readUnlock();
  return refusal;
}

nameFunctions({
  kvm_gmem_fallocate: gmemFallocate,
  kvm_gmem_punch_hole: gmemPunchHole,
  kvm_gmem_allocate: gmemAllocate,
});

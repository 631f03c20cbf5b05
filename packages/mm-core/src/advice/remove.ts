import { nameFunctions } from "@kvmm/interleave";
import type { Hva } from "../addresses.js";
import { PAGE_SIZE } from "../addresses.js";
import { type Refusal, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { FallocFlag } from "../shmem.js";
import { vfsFallocate } from "../syscalls/files.js";
import type { Task } from "../task.js";
import { type Vma, VmFlag } from "../vma.js";

/** madvise_remove(): punches a hole into the file behind the mapping; mmap_lock is dropped meanwhile. */
export function madviseRemove(vma: Vma, start: Hva, end: Hva, task: Task): Refusal | undefined {
  const fn = "madvise_remove";
  const { mm, fields } = vma;
  const { flags, file } = fields;
  if ((flags & VmFlag.locked) !== 0) return refuse("EINVAL", fn, "the mapping is locked");
  if (file === null || file.inode === null)
    return refuse("EINVAL", fn, "the mapping is of no file", "shared memory");
  const sharedMayWrite = VmFlag.shared | VmFlag.mayWrite;
  if ((flags & sharedMayWrite) !== sharedMayWrite) {
    return refuse("EACCES", fn, "the mapping is private, or must not be written to");
  }
  file.get();
  mm.mmapLock.readUnlock();
  const offset = pgoffOf(fields, start) * PAGE_SIZE;
  const result = vfsFallocate(task, file, FallocFlag.punchHole | FallocFlag.keepSize, offset, end - start);
  file.put();
  mm.mmapLock.readLock();
  return result === 0 ? undefined : result;
}

nameFunctions({
  madvise_remove: madviseRemove,
});

import { type Hva, PAGE_SIZE } from "./addresses.js";
import { type GupError, getUserPage } from "./gup.js";
import type { Task } from "./task.js";
import { isAccessible, VmFlag } from "./vma.js";

/** Faults one page in and lets go of it again. */
function touch(task: Task, address: Hva, write: boolean, force: boolean): GupError | null {
  const page = getUserPage(task, address, { write, force });
  if (typeof page === "string") return page;
  task.process.host.frames.put(page);
  return null;
}

/**
 * __mm_populate(): faults in whatever is mapped within `[start, end)`: with a write where a write would make a
 * private copy. Holes are passed over.
 * @returns why it stopped, or null; with `ignoreErrors` it never stops
 */
export function mmPopulate(task: Task, start: Hva, end: Hva, ignoreErrors: boolean): GupError | null {
  const { mm } = task;
  for (let at = start; at < end; ) {
    mm.mmapLock.readLock();
    const vma = mm.vmas.first(at, end);
    const fields = vma?.fields;
    mm.mmapLock.readUnlock();
    if (fields === undefined) break;
    const to = Math.min(end, fields.end);
    if ((fields.flags & VmFlag.pfnmap) === 0) {
      const error = populateVmaPageRange(
        task,
        Math.max(at, fields.start),
        to,
        fields.flags,
        isAccessible(fields),
      );
      if (error !== null && !ignoreErrors) return error;
    }
    at = to;
  }
  return null;
}

/** populate_vma_page_range() */
function populateVmaPageRange(
  task: Task,
  start: Hva,
  end: Hva,
  flags: number,
  accessible: boolean,
): GupError | null {
  if ((flags & VmFlag.lockonfault) !== 0) return null;
  if (!accessible) return "EFAULT";
  const write = (flags & (VmFlag.write | VmFlag.shared)) === VmFlag.write;
  for (let at = start; at < end; at += PAGE_SIZE) {
    const error = touch(task, at, write, !write);
    if (error !== null) return error;
  }
  task.process.host.lru.drain();
  return null;
}

/** faultin_page_range(): as {@link mmPopulate}, for MADV_POPULATE_READ and MADV_POPULATE_WRITE. */
export function faultinPageRange(
  task: Task,
  start: Hva,
  end: Hva,
  write: boolean,
): GupError | "EINVAL" | null {
  const { mm } = task;
  for (let at = start; at < end; at += PAGE_SIZE) {
    mm.mmapLock.readLock();
    const vma = mm.vmaAt(at);
    const flags = vma?.fields.flags ?? 0;
    mm.mmapLock.readUnlock();
    if (vma === undefined) return "ENOMEM";
    // FOLL_MADV_POPULATE: a mapping that does not allow the access is another error than a failing fault.
    if ((flags & (write ? VmFlag.write : VmFlag.read)) === 0 || (flags & VmFlag.pfnmap) !== 0)
      return "EINVAL";
    const error = touch(task, at, write, false);
    if (error !== null) return error;
  }
  task.process.host.lru.drain();
  return null;
}

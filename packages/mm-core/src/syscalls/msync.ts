import { type Hva, isPageAligned, pageAlign } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";
import { fsyncFile } from "./fsync.js";

export const MsFlag = { async: 1, invalidate: 2, sync: 4 } as const;

/** msync(2) */
export function msync(task: Task, addr: Hva, length: number, flags: number): Result<0> {
  const fn = "sys_msync";
  if ((flags & ~(MsFlag.async | MsFlag.invalidate | MsFlag.sync)) !== 0) {
    return refuse("EINVAL", fn, `flags ${hex(flags)}`, "MS_ASYNC, MS_INVALIDATE, MS_SYNC");
  }
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  if ((flags & MsFlag.async) !== 0 && (flags & MsFlag.sync) !== 0)
    return refuse("EINVAL", fn, "MS_ASYNC with MS_SYNC");
  const end = addr + pageAlign(length);
  if (end >= 2 ** 64) return refuse("ENOMEM", fn, `${hex(addr)} plus ${hex(length)} wraps`);
  const { mm } = task;
  let hole: Refusal | undefined;
  for (let at = addr; at < end; ) {
    mm.mmapLock.readLock();
    const vma = mm.vmas.first(at, Number.MAX_SAFE_INTEGER);
    const fields = vma?.fields;
    mm.mmapLock.readUnlock();
    if (fields === undefined || fields.start > at) {
      hole ??= refuse("ENOMEM", fn, `nothing is mapped at ${hex(at)}`);
      if (fields === undefined || flags === MsFlag.async || fields.start >= end) return hole;
      at = fields.start;
    }
    if ((flags & MsFlag.invalidate) !== 0 && (fields.flags & VmFlag.locked) !== 0) {
      return refuse("EBUSY", fn, `the mapping at ${hex(fields.start)} is locked (MS_INVALIDATE)`);
    }
    if ((flags & MsFlag.sync) !== 0 && fields.file !== null && (fields.flags & VmFlag.shared) !== 0) {
      const refused = fsyncFile(fields.file);
      if (refused !== undefined) return refused;
    }
    at = fields.end;
  }
  return hole ?? 0;
}

import { type Hva, isPageAligned, pageAlign } from "../addresses.js";
import { hex, type Result, refuse } from "../errno.js";
import type { Task } from "../task.js";
import { unmapRange } from "../unmap.js";

/** munmap(2) */
export function munmap(task: Task, addr: Hva, length: number): Result<0> {
  const { mm } = task;
  const fn = "do_vmi_munmap";
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  const end = addr + pageAlign(length);
  if (end > mm.host.taskSize) {
    return refuse("EINVAL", fn, `${hex(addr)} plus ${hex(length)} is beyond user space`);
  }
  if (end === addr) return refuse("EINVAL", fn, "length is 0");
  mm.mmapLock.writeLock();
  const refused = unmapRange(mm, addr, end);
  mm.writeUnlock();
  return refused ?? 0;
}

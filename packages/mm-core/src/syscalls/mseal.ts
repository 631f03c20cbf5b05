import { type Hva, isPageAligned, pageAlign } from "../addresses.js";
import { hex, type Result, refuse } from "../errno.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";
import { maySplit, modifyVma } from "../vma-tree.js";

/** mseal(2) */
export function mseal(task: Task, addr: Hva, length: number, flags: number): Result<0> {
  const fn = "do_mseal";
  if (flags !== 0) return refuse("EINVAL", fn, `flags ${hex(flags)}`, "0");
  if (!isPageAligned(addr)) return refuse("EINVAL", fn, `address ${hex(addr)} is not page-aligned`);
  const end = addr + pageAlign(length);
  if (end >= 2 ** 64) return refuse("EINVAL", fn, `${hex(addr)} plus ${hex(length)} wraps`);
  if (end === addr) return 0;
  const { mm } = task;
  mm.mmapLock.writeLock();
  // range_contains_unmapped()
  let covered = addr;
  for (const vma of mm.vmas.overlapping(addr, end)) {
    if (vma.fields.start > covered) break;
    covered = vma.fields.end;
  }
  if (covered < end) {
    mm.mmapLock.writeUnlock();
    return refuse("ENOMEM", fn, `nothing is mapped at ${hex(covered)}`);
  }
  // mseal_apply()
  for (let at = addr; at < end; ) {
    const vma = mm.vmaAt(at)!;
    const to = Math.min(end, vma.fields.end);
    const { flags: old } = vma.fields;
    const unsplittable = maySplit(vma, at, to);
    if (unsplittable !== undefined) {
      mm.mmapLock.writeUnlock();
      return unsplittable;
    }
    if ((old & VmFlag.sealed) === 0) modifyVma(vma, at, to, { flags: old | VmFlag.sealed });
    at = to;
  }
  mm.mmapLock.writeUnlock();
  return 0;
}

import { DEFAULT_MAP_WINDOW, type Hva, PAGE_SIZE, pageAlign } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import type { Mm } from "../mm.js";
import { mmPopulate } from "../populate.js";
import type { Task } from "../task.js";
import { type Vma, VmFlag } from "../vma.js";
import { modifyVma } from "../vma-tree.js";

export const MlockFlag = { onfault: 1 } as const;
export const MclFlag = { current: 1, future: 2, onfault: 4 } as const;

const LOCKED_MASK = VmFlag.locked | VmFlag.lockonfault;

/** mlock(2). The limits on locked memory are not modelled. */
export function mlock(task: Task, addr: Hva, length: number): Result<0> {
  return doMlock(task, addr, length, VmFlag.locked);
}

/** mlock2(2) */
export function mlock2(task: Task, addr: Hva, length: number, flags: number): Result<0> {
  if ((flags & ~MlockFlag.onfault) !== 0)
    return refuse("EINVAL", "sys_mlock2", `flags ${hex(flags)}`, "MLOCK_ONFAULT");
  return doMlock(task, addr, length, (flags & MlockFlag.onfault) !== 0 ? LOCKED_MASK : VmFlag.locked);
}

/** do_mlock() */
function doMlock(task: Task, addr: Hva, length: number, flags: number): Result<0> {
  const { mm } = task;
  const start = addr - (addr % PAGE_SIZE);
  const end = start + pageAlign(length + (addr % PAGE_SIZE));
  mm.mmapLock.writeLock();
  const refused = applyVmaLockFlags(task, start, end, flags);
  mm.mmapLock.writeUnlock();
  if (refused !== undefined) return refused;
  // The mapping stays locked when a page cannot be had.
  switch (mmPopulate(task, start, end, false)) {
    case null:
      return 0;
    case "ENOMEM":
      return refuse("EAGAIN", "__mlock_posix_error_return", "memory is exhausted");
    case "EINTR":
      return refuse("EINTR", "__mm_populate", "a userfaultfd that nobody answers was asked for a page");
    default:
      return refuse("ENOMEM", "__mlock_posix_error_return", "a page could not be faulted in");
  }
}

/** munlock(2) */
export function munlock(task: Task, addr: Hva, length: number): Result<0> {
  const { mm } = task;
  const start = addr - (addr % PAGE_SIZE);
  mm.mmapLock.writeLock();
  const refused = applyVmaLockFlags(task, start, start + pageAlign(length + (addr % PAGE_SIZE)), 0);
  mm.mmapLock.writeUnlock();
  return refused ?? 0;
}

/** apply_vma_lock_flags() */
function applyVmaLockFlags(task: Task, start: Hva, end: Hva, flags: number): Refusal | undefined {
  const fn = "apply_vma_lock_flags";
  const { mm } = task;
  if (end >= 2 ** 64) return refuse("EINVAL", fn, `the range from ${hex(start)} wraps`);
  for (let at = start; at < end; ) {
    const vma = mm.vmas.first(at, end);
    if (vma === undefined || vma.fields.start > at)
      return refuse("ENOMEM", fn, `nothing is mapped at ${hex(at)}`);
    const to = Math.min(vma.fields.end, end);
    mlockFixup(vma, at, to, (vma.fields.flags & ~LOCKED_MASK) | flags);
    at = to;
  }
  return undefined;
}

/** mlock_fixup(): pages of the mapping are unevictable because the mapping is locked; nothing is noted per page. */
function mlockFixup(vma: Vma, start: Hva, end: Hva, flags: number): void {
  const { flags: old } = vma.fields;
  if (flags === old || (old & (VmFlag.pfnmap | VmFlag.hugetlb)) !== 0) return;
  modifyVma(vma, start, end, { flags });
}

/** mlockall(2) */
export function mlockall(task: Task, flags: number): Result<0> {
  const { mm } = task;
  const known = MclFlag.current | MclFlag.future | MclFlag.onfault;
  if (flags === 0 || (flags & ~known) !== 0 || flags === MclFlag.onfault) {
    return refuse(
      "EINVAL",
      "sys_mlockall",
      `flags ${hex(flags)}`,
      "MCL_CURRENT, MCL_FUTURE or both, with MCL_ONFAULT or not",
    );
  }
  mm.mmapLock.writeLock();
  applyMlockallFlags(mm, flags);
  mm.mmapLock.writeUnlock();
  if ((flags & MclFlag.current) !== 0) mmPopulate(task, 0, DEFAULT_MAP_WINDOW, true);
  return 0;
}

/** munlockall(2): what is mapped is not locked any more, nor will be what is mapped from here on. */
export function munlockall(task: Task): Result<0> {
  const { mm } = task;
  mm.mmapLock.writeLock();
  applyMlockallFlags(mm, 0);
  mm.mmapLock.writeUnlock();
  return 0;
}

/** apply_mlockall_flags(): with 0, of munlockall(), every lock ends. */
function applyMlockallFlags(mm: Mm, flags: number): void {
  const onFault = (flags & MclFlag.onfault) !== 0 ? LOCKED_MASK : VmFlag.locked;
  mm.defFlags.update((old) => (old & ~LOCKED_MASK) | ((flags & MclFlag.future) !== 0 ? onFault : 0));
  if ((flags & MclFlag.future) !== 0 && (flags & MclFlag.current) === 0) return;
  const locked = (flags & MclFlag.current) !== 0 ? onFault : 0;
  for (const vma of mm.vmas.overlapping(0, DEFAULT_MAP_WINDOW)) {
    // A merge may have taken it in already.
    const { start, end } = vma.fields;
    if (mm.vmas.get(start) === vma) mlockFixup(vma, start, end, (vma.fields.flags & ~LOCKED_MASK) | locked);
  }
}

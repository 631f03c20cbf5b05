import { isRefusal, type Result, refuse } from "../errno.js";
import type { Mm } from "../mm.js";
import type { Process } from "../task.js";
import { isAnonymous, VmFlag } from "../vma.js";
import { freeBatch, zapVmaForReaping } from "../zap.js";

/**
 * kill(2) with SIGKILL: the process is dying. It is still there, and holds its memory, until its threads have come to
 * notice, which exit is.
 */
export function killProcess(process: Process): void {
  if (process.life.get() !== "running") return;
  process.life.set("dying");
  process.mm.dyingUsers.update((users) => users + 1);
}

/** process_mrelease(2): takes the memory of a process that is dying, without waiting for it to exit. */
export function processMrelease(victim: Process, flags: number): Result<0> {
  const fn = "process_mrelease";
  const { mm } = victim;
  if (flags !== 0) return refuse("EINVAL", fn, `flags ${flags}`, "0");
  // find_lock_task_mm()
  if (victim.life.get() === "exited") return refuse("ESRCH", fn, "the process has exited");
  if (!willFreeMem(victim)) {
    return refuse("EINVAL", "task_will_free_mem", "not every process that uses the memory is dying");
  }
  mm.mmapLock.readLock();
  const reaped = oomReapTaskMm(mm);
  mm.mmapLock.readUnlock();
  return reaped ? 0 : refuse("EAGAIN", "__oom_reap_task_mm", "a listener would have had to wait");
}

/** task_will_free_mem() */
function willFreeMem({ life, mm }: Process): boolean {
  return life.get() === "dying" && mm.dyingUsers.get() === mm.users.get();
}

/**
 * __oom_reap_task_mm(): takes private and anonymous memory, from the highest address downwards; what is shared is not
 * freed by it, and hugetlb would have to wait. Nobody of the process is left to see that it goes (MMF_UNSTABLE).
 * @returns whether all of it went
 */
function oomReapTaskMm(mm: Mm): boolean {
  let all = true;
  for (const vma of mm.vmas.overlapping(0, Number.MAX_SAFE_INTEGER).toReversed()) {
    const { flags } = vma.fields;
    if ((flags & (VmFlag.hugetlb | VmFlag.pfnmap)) !== 0) continue;
    if (!isAnonymous(vma.fields) && (flags & VmFlag.shared) !== 0) continue;
    const batch = zapVmaForReaping(vma);
    if (isRefusal(batch)) all = false;
    else freeBatch(mm.host, batch);
  }
  return all;
}

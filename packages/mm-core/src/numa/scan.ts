import { nameFunctions } from "@kvmm/interleave";
import { pages } from "../addresses.js";
import { policyMigratesOnFault } from "../mempolicy.js";
import { changeProtection } from "../protect.js";
import type { Task } from "../task.js";
import { isAccessible, type Vma, type VmaFields, VmFlag } from "../vma.js";

/** kernel.numa_balancing */
export const NumaBalancing = { normal: 1, tiering: 2 } as const;

/** Pages that one scan changes at most: sysctl_numa_balancing_scan_size, 256 MiB. */
const SCAN_PAGES = 65536;

/**
 * task_numa_work(): one scan of the task's address space: entries become hints, so that the next access tells who
 * uses the page. Time is counted in scans; a mapping's list of pids is not reset.
 * @param mode kernel.numa_balancing
 */
export function taskNumaWork(task: Task, mode: number): void {
  const { mm } = task;
  const { store } = mm.host;
  mm.mmapLock.readLock();
  const seq = mm.numaScanSeq.get();
  const begin = mm.numaScanOffset.get();
  let left = SCAN_PAGES;
  let virtual = 8 * SCAN_PAGES;
  let skipped = false;
  let stopped: number | null = null;
  for (let forced = false; ; forced = true) {
    const vmas = mm.vmas.overlapping(begin, Number.MAX_SAFE_INTEGER);
    // Past the last mapping the scan starts again from the first one.
    const wrapped = vmas.length > 0 ? vmas : mm.vmas.overlapping(0, Number.MAX_SAFE_INTEGER);
    for (const vma of wrapped) {
      const fields = vma.fields;
      const why = unsuitable(task, vma, fields);
      if (why !== null) {
        store.trace("task_numa_work", () => `skips the mapping at ${fields.start.toString(16)}: ${why}`);
        continue;
      }
      const state = vma.numab.get() ?? { startScanSeq: seq, prevScanSeq: seq - 1, pidsActive: [] };
      if (vma.numab.get() === null) vma.numab.set(state);
      if (state.prevScanSeq === seq) continue;
      if (!forced && !isAccessed(task, seq, begin, fields, state)) {
        skipped = true;
        continue;
      }
      const start = Math.max(begin, fields.start);
      const from = start < fields.end ? start : fields.start;
      const to = Math.min(fields.end, from + left * 4096);
      store.trace("change_prot_numa", () => `scans ${pages(to - from)} pages at ${from.toString(16)}`);
      const changed = changeProtection(vma, from, to, {
        numa: { task, normal: (mode & NumaBalancing.normal) !== 0 },
      });
      if (changed > 0) left -= pages(to - from);
      virtual -= pages(to - from);
      if (to < fields.end && (left <= 0 || virtual <= 0)) {
        stopped = to;
        break;
      }
      vma.numab.update((now) => ({ ...now!, prevScanSeq: seq }));
      if (forced) break;
    }
    if (stopped !== null || forced || !skipped) break;
  }
  if (stopped !== null) mm.numaScanOffset.set(stopped);
  else {
    // reset_ptenuma_scan()
    mm.numaScanOffset.set(0);
    mm.numaScanSeq.set(seq + 1);
  }
  mm.mmapLock.readUnlock();
}

/** Why a mapping is never scanned, or null. */
function unsuitable(task: Task, vma: Vma, fields: VmaFields): string | null {
  if ((fields.flags & (VmFlag.pfnmap | VmFlag.hugetlb)) !== 0) return "it cannot migrate";
  if (!policyMigratesOnFault(task, vma)) return "its memory policy does not migrate on fault";
  if (fields.file !== null && (fields.flags & (VmFlag.read | VmFlag.write)) === VmFlag.read) {
    return "it maps a file read-only";
  }
  return isAccessible(fields) ? null : "it is not accessible";
}

/** vma_is_accessed(): has this task used the mapping lately, or is it time to look anyway? */
function isAccessed(
  task: Task,
  seq: number,
  offset: number,
  fields: VmaFields,
  state: {
    readonly startScanSeq: number;
    readonly prevScanSeq: number;
    readonly pidsActive: readonly number[];
  },
): boolean {
  return (
    seq - state.startScanSeq < 2 ||
    state.pidsActive.includes(task.pid) ||
    offset > fields.start ||
    seq > state.prevScanSeq + 1
  );
}

nameFunctions({
  task_numa_work: taskNumaWork,
});

import { PAGE_SIZE } from "../addresses.js";
import { type Result, refuse } from "../errno.js";
import type { Mm } from "../mm.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PteFlag, pteChange, pteHas } from "../pte.js";
import type { Task } from "../task.js";
import { isAnonymous } from "../vma.js";

/** What is written to /proc/PID/clear_refs. */
export const ClearRefs = { all: 1, anonymous: 2, mapped: 3, softDirty: 4, hiwater: 5 } as const;

/**
 * clear_refs_write(): clears the access flags of entries (1 to 3), or the soft-dirty bits (4), which arm64 does not
 * have: what is left of that is the notifier over the whole address space.
 */
export function clearRefs(task: Task, value: number): Result<0> {
  if (value < ClearRefs.all || value > ClearRefs.hiwater) {
    return refuse("EINVAL", "clear_refs_write", `value ${value}`, "1 to 5");
  }
  const { mm } = task;
  if (value === ClearRefs.hiwater) return 0;
  if (value === ClearRefs.softDirty) {
    mm.mmapLock.writeLock();
    const range = invalidateRangeStart(mm, 0, WHOLE, "SOFT_DIRTY", "clear_refs_write");
    invalidateRangeEnd(mm, range);
    mm.mmapLock.writeUnlock();
    return 0;
  }
  mm.mmapLock.readLock();
  clearYoung(mm, value);
  mm.mmapLock.readUnlock();
  return 0;
}

/** -1UL, as exactly as a number can be. */
const WHOLE = 2 ** 64;

/** clear_refs_pte_range(), clear_refs_test_walk() */
function clearYoung(mm: Mm, value: number): void {
  for (const vma of mm.vmas.overlapping(0, Number.MAX_SAFE_INTEGER)) {
    const fields = vma.fields;
    if (value === ClearRefs.anonymous && !isAnonymous(fields)) continue;
    if (value === ClearRefs.mapped && isAnonymous(fields)) continue;
    for (let at = fields.start; at < fields.end; ) {
      const next = mm.pmdEnd(at, fields.end);
      const pmd = mm.pmd(at);
      const table = mm.pteTable(at);
      mm.pageTableLock.lock();
      if (table !== null) {
        const last = table.indexOf(next - PAGE_SIZE);
        for (let index = table.indexOf(at); index <= last; index++) {
          const pte = table.get(index);
          if (pteHas(pte, PteFlag.young)) table.set(index, pteChange(pte, 0, PteFlag.young));
        }
      } else if (pmd !== null) {
        const pte = pmd.get(pmd.indexOf(at));
        if (pteHas(pte, PteFlag.young)) pmd.set(pmd.indexOf(at), pteChange(pte, 0, PteFlag.young));
      }
      mm.pageTableLock.unlock();
      at = next;
    }
  }
}

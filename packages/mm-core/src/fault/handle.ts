import { nameFunctions } from "@kvmm/interleave";
import { type Hva, pageAlignDown } from "../addresses.js";
import { pgoffOf } from "../file.js";
import { hugetlbFault } from "../hugetlb/fault.js";
import { doNumaPage } from "../numa/hinting-fault.js";
import type { Table } from "../page-table.js";
import { PteFlag, pteChange, pteHas, ptePresent, pteProtNone } from "../pte.js";
import type { Task } from "../task.js";
import { handlePmdFault } from "../thp/fault.js";
import { FALLBACK } from "../thp/pmd-fault.js";
import { isAccessible, isAnonymous, type Vma, VmFlag } from "../vma.js";
import { doAnonymousPage } from "./anonymous.js";
import type { Fault, FaultError, FaultFlags } from "./fault.js";
import { doFault } from "./file-fault.js";
import { doSwapPage } from "./nonpresent.js";
import { doWpPage } from "./wp.js";

/**
 * handle_mm_fault(): makes an address accessible, or says why not. Under mmap_lock, which it may drop (see
 * {@link FaultError}); the caller has checked that the mapping allows the access. The fault may have to be taken again.
 */
export function handleMmFault(task: Task, vma: Vma, address: Hva, flags: FaultFlags): FaultError | null {
  const fields = vma.fields;
  const at = pageAlignDown(address);
  const fault: Fault = {
    task,
    vma,
    fields,
    address: at,
    pgoff: pgoffOf(fields, at),
    ...flags,
  };
  if ((fields.flags & VmFlag.hugetlb) !== 0) return hugetlbFault(fault);
  // __handle_mm_fault(): the tables above the last one are there from here on, whatever becomes of the fault.
  const pmds = vma.mm.allocPmd(at);
  const pmdIndex = pmds.indexOf(at);
  const table = pmds.child(pmdIndex);
  if (table === null) {
    const done = handlePmdFault(fault, pmds, pmdIndex);
    if (done !== FALLBACK) return done;
  }
  return handlePteFault(fault, table ?? pmds.child(pmdIndex));
}

/** handle_pte_fault() */
function handlePteFault(fault: Fault, table: Table | null): FaultError | null {
  const { vma, fields, address } = fault;
  const { mm } = vma;
  const index = table === null ? 0 : table.indexOf(address);
  const orig = table === null ? 0 : table.get(index);
  if (table === null || orig === 0) {
    return isAnonymous(fields) ? doAnonymousPage(fault) : doFault(fault);
  }
  const pteFault = { ...fault, table, index, orig };
  if (!ptePresent(orig)) return doSwapPage(pteFault);
  if (pteProtNone(orig) && isAccessible(fields)) return doNumaPage(pteFault);

  mm.pageTableLock.lock();
  if (table.get(index) !== orig) {
    mm.pageTableLock.unlock();
    return null;
  }
  let entry = pteChange(orig, PteFlag.young, 0);
  if (fault.write || fault.unshare === true) {
    if (!pteHas(orig, PteFlag.write)) return doWpPage(pteFault);
    if (fault.write) entry = pteChange(entry, PteFlag.dirty, 0);
  }
  table.set(index, entry);
  mm.pageTableLock.unlock();
  return null;
}

nameFunctions({
  handle_mm_fault: handleMmFault,
  handle_pte_fault: handlePteFault,
});

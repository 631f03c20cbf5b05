import { nameFunctions } from "@kvmm/interleave";
import { PMD_SIZE } from "../addresses.js";
import type { Fault, FaultError } from "../fault/fault.js";
import { handleUserfault } from "../fault/userfaultfd.js";
import { migrationEntryWait } from "../migration-entry.js";
import type { Table } from "../page-table.js";
import { PteFlag, pteChange, pteHas, ptePresent, pteProtNone } from "../pte.js";
import { isWpAsync } from "../userfaultfd/context.js";
import { isAccessible, isAnonymous, VmFlag } from "../vma.js";
import { thpVmaAllowable } from "./allowable.js";
import { doHugePmdAnonymousPage } from "./anonymous.js";
import { doHugePmdNumaPage } from "./hinting-fault.js";
import { FALLBACK, type PmdFault } from "./pmd-fault.js";
import { splitHugePmd } from "./split-pmd.js";
import { doHugePmdWpPage } from "./wp.js";

/** __handle_mm_fault(), from the PMD entry on: a fault where no table of PTEs is. */
export function handlePmdFault(
  base: Fault,
  pmds: Table,
  pmdIndex: number,
): FaultError | null | typeof FALLBACK {
  const { vma, fields, address } = base;
  const { mm } = vma;
  const { host } = mm;
  const origPmd = pmds.get(pmdIndex);
  if (origPmd === 0 && !thpVmaAllowable(host, fields)) return FALLBACK;
  const fault: PmdFault = { ...base, haddr: address - (address % PMD_SIZE), pmds, pmdIndex, origPmd };
  if (origPmd === 0) return doHugePmdAnonymousPage(fault);
  if (pteHas(origPmd, PteFlag.migration)) {
    migrationEntryWait(host.frames, origPmd);
    return null;
  }
  if (!ptePresent(origPmd))
    throw new Error(`entry ${origPmd} at ${address.toString(16)} is neither present nor none`);
  if (pteProtNone(origPmd) && isAccessible(fields)) return doHugePmdNumaPage(fault);
  if ((fault.write || fault.unshare === true) && !pteHas(origPmd, PteFlag.write)) return wpHugePmd(fault);
  // huge_pmd_set_accessed()
  mm.pageTableLock.lock();
  if (pmds.get(pmdIndex) === origPmd) {
    pmds.set(pmdIndex, pteChange(origPmd, PteFlag.young | (fault.write ? PteFlag.dirty : 0), 0));
  }
  mm.pageTableLock.unlock();
  return null;
}

/** wp_huge_pmd(): of a file, and of what a userfaultfd watches on its own, the write is left to small pages. */
function wpHugePmd(fault: PmdFault): FaultError | null | typeof FALLBACK {
  const { fields, origPmd } = fault;
  if (isAnonymous(fields)) {
    const isProtected = (fields.flags & VmFlag.uffdWp) !== 0 && pteHas(origPmd, PteFlag.uffdWp);
    if (!isProtected || fault.unshare === true) return doHugePmdWpPage(fault);
    if (!isWpAsync(fields)) return handleUserfault(fault, "wp");
  }
  splitHugePmd(fault.vma, fault.address);
  return FALLBACK;
}

nameFunctions({
  __handle_mm_fault: handlePmdFault,
  wp_huge_pmd: wpHugePmd,
});

import { nameFunctions } from "@kvmm/interleave";
import { PMD_PAGES } from "../addresses.js";
import type { FaultError } from "../fault/fault.js";
import { isolateLru, migratePage } from "../migrate.js";
import { isMigratable, misplaced, noteAccess } from "../numa/hinting-fault.js";
import { canBecomeWritable, maybeWrite, pageProt, pteModify } from "../prot.js";
import { PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import type { PmdFault } from "./pmd-fault.js";

/** do_huge_pmd_numa_page(): a hinting fault on a huge page, which moves as a whole. */
export function doHugePmdNumaPage(fault: PmdFault): FaultError | null {
  const { vma, fields, pmds, pmdIndex, origPmd } = fault;
  const { mm } = vma;
  const { host } = mm;
  mm.pageTableLock.lock();
  if (pmds.get(pmdIndex) !== origPmd) {
    mm.pageTableLock.unlock();
    return null;
  }
  const pmd = pteModify(origPmd, pageProt(fields));
  let writable = pteHas(pmd, PteFlag.write) || canBecomeWritable(host.frames, fields, pmd);
  if (!pteHas(pmd, PteFlag.special)) {
    const folio = ptePfn(pmd);
    noteAccess(fault);
    const target = misplaced({ ...fault, pgoff: Math.floor(fault.pgoff / PMD_PAGES) }, folio);
    if (target !== null && isMigratable(fault, folio) && isolateLru(host, folio)) {
      mm.pageTableLock.unlock();
      if (migratePage(host, folio, target)) return null;
      writable = false;
      mm.pageTableLock.lock();
      if (pmds.get(pmdIndex) !== origPmd) {
        mm.pageTableLock.unlock();
        return null;
      }
    }
  }
  pmds.set(pmdIndex, pteChange(pmd, PteFlag.young | (writable ? maybeWrite(fields) : 0), 0));
  mm.pageTableLock.unlock();
  return null;
}

nameFunctions({
  do_huge_pmd_numa_page: doHugePmdNumaPage,
});

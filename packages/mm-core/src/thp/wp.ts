import { nameFunctions } from "@kvmm/interleave";
import { PMD_SIZE } from "../addresses.js";
import type { FaultError } from "../fault/fault.js";
import { pgoffOf } from "../file.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { maybeWrite } from "../prot.js";
import { PteFlag, pteChange, ptePfn } from "../pte.js";
import { allocAnonFolioPmd, mapAnonFolioPmd } from "./anonymous.js";
import { isHugeZeroPmd } from "./huge-zero-folio.js";
import { FALLBACK, type PmdFault } from "./pmd-fault.js";
import { splitHugePmd } from "./split-pmd.js";

/** do_huge_pmd_wp_page(): a write to a huge entry that does not allow it: a huge page of one's own, or small copies. */
export function doHugePmdWpPage(fault: PmdFault): FaultError | null | typeof FALLBACK {
  const { vma, fields, address, pmds, pmdIndex, origPmd } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  if (isHugeZeroPmd(origPmd)) {
    if (doHugeZeroWpPmd(fault)) return null;
    splitHugePmd(vma, address);
    return FALLBACK;
  }
  mm.pageTableLock.lock();
  if (pmds.get(pmdIndex) !== origPmd) {
    mm.pageTableLock.unlock();
    return null;
  }
  if (canReuse(fault)) {
    frames.mark(ptePfn(origPmd), PageFlag.anonExclusive);
    if (fault.unshare !== true) {
      pmds.set(pmdIndex, pteChange(origPmd, maybeWrite(fields) | PteFlag.dirty | PteFlag.young, 0));
    }
    mm.pageTableLock.unlock();
    return null;
  }
  mm.pageTableLock.unlock();
  splitHugePmd(vma, address);
  return FALLBACK;
}

/** Is the page this process's alone? A page whose lock somebody holds is not waited for, but taken for shared. */
function canReuse(fault: PmdFault): boolean {
  const { vma, fields, haddr, origPmd } = fault;
  const { frames } = vma.mm.host;
  const folio = ptePfn(origPmd);
  if (frames.test(folio, PageFlag.anonExclusive)) return true;
  if (!frames.trylock(folio)) return false;
  const only = frames.refcount.get(folio) === 1;
  // folio_move_anon_rmap()
  if (only) frames.setMapping(folio, vma.anonVma.get(), pgoffOf(fields, haddr));
  frames.unlock(folio);
  return only;
}

/** do_huge_zero_wp_pmd(): the first write to huge zeros. @returns false where there is no huge page to be had */
function doHugeZeroWpPmd(fault: PmdFault): boolean {
  const { vma, haddr, pmds, pmdIndex, origPmd } = fault;
  const { mm } = vma;
  const folio = allocAnonFolioPmd(fault);
  if (folio === null) return false;
  const range = invalidateRangeStart(mm, haddr, haddr + PMD_SIZE, "CLEAR", "do_huge_zero_wp_pmd");
  mm.pageTableLock.lock();
  const won = pmds.get(pmdIndex) === origPmd;
  if (won) {
    pmds.set(pmdIndex, 0);
    mapAnonFolioPmd(fault, folio);
  }
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  if (!won) mm.host.frames.put(folio);
  return true;
}

nameFunctions({
  do_huge_pmd_wp_page: doHugePmdWpPage,
  do_huge_zero_wp_pmd: doHugeZeroWpPmd,
});

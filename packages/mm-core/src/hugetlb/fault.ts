import { nameFunctions } from "@kvmm/interleave";
import { PAGE_SIZE } from "../addresses.js";
import type { Fault, FaultError } from "../fault/fault.js";
import {
  handleUserfault,
  isUserfaultMinor,
  isUserfaultMissing,
  type UserfaultReason,
  userfaultWp,
} from "../fault/userfaultfd.js";
import { pgoffOf } from "../file.js";
import { filemapLockFolio } from "../filemap.js";
import { migrationEntryWait } from "../migration-entry.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import { anonVmaPrepare } from "../rmap.js";
import { VmFlag } from "../vma.js";
import { allocHugetlbFolio, restoreReserve } from "./alloc.js";
import { hugetlbAddToPageCache } from "./file.js";
import { makeHugePte } from "./huge-pte.js";
import { hstateOf, hugetlbInfo } from "./hugetlb-info.js";
import { hugetlbAddNewAnonRmap, hugetlbAddRmap } from "./rmap.js";
import { hugePteAlloc } from "./walk.js";
import { type HugetlbFault, hugetlbWp } from "./wp.js";

/** hugetlb_fault() */
export function hugetlbFault(base: Fault): FaultError | null {
  const { vma, fields } = base;
  const { mm } = vma;
  const hstate = hstateOf(fields);
  const address = base.address - (base.address % hstate.size);
  const { faultMutex } = hugetlbInfo(fields.file!);
  faultMutex.lock();
  const table = hugePteAlloc(mm, address, hstate);
  const index = table.indexOf(address);
  const fault: HugetlbFault = { ...base, address, pgoff: pgoffOf(fields, address), table, index };
  const orig = table.get(index);
  if (pteHas(orig, PteFlag.migration)) {
    faultMutex.unlock();
    migrationEntryWait(mm.host.frames, orig);
    return null;
  }
  const outcome = ptePresent(orig) ? hugetlbPresent(fault, orig) : hugetlbNonPresent(fault, orig);
  faultMutex.unlock();
  // hugetlb_handle_userfault()
  return outcome === null || typeof outcome === "string" ? outcome : handleUserfault(fault, outcome.ask);
}

/** How a fault ends within the fault mutex: as a fault does, or a userfaultfd is to be asked without it. */
type Outcome = FaultError | { readonly ask: UserfaultReason } | null;

/** The entry holds no page: never did, or a marker stands there. */
function hugetlbNonPresent(fault: HugetlbFault, orig: number): Outcome {
  return pteHas(orig, PteFlag.poisoned) ? "HWPOISON" : hugetlbNoPage(fault, orig);
}

/** hugetlb_fault() where a page is mapped. */
function hugetlbPresent(fault: HugetlbFault, orig: number): Outcome {
  const { vma, table, index } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  mm.pageTableLock.lock();
  let error: FaultError | null = null;
  if (table.get(index) === orig) {
    const breaks = (fault.write || fault.unshare === true) && !pteHas(orig, PteFlag.write);
    const folio = ptePfn(orig);
    if (!breaks) table.set(index, pteChange(orig, PteFlag.young | (fault.write ? PteFlag.dirty : 0), 0));
    else if (userfaultWp({ ...fault, orig }) === "ask") {
      mm.pageTableLock.unlock();
      return { ask: "wp" };
    } else if (!frames.test(folio, PageFlag.anon)) error = hugetlbWp(fault);
    else if (frames.trylock(folio)) {
      frames.get(folio);
      error = hugetlbWp(fault);
      frames.unlock(folio);
      frames.put(folio);
    }
  }
  mm.pageTableLock.unlock();
  return error;
}

/** hugetlb_pte_stable() */
function isStable({ vma, table, index }: HugetlbFault, orig: number): boolean {
  const { pageTableLock } = vma.mm;
  pageTableLock.lock();
  const same = table.get(index) === orig;
  pageTableLock.unlock();
  return same;
}

/** hugetlb_no_page(): the page of the file, or a new one: the file's for a shared mapping, else the mapping's own. */
function hugetlbNoPage(fault: HugetlbFault, orig: number): Outcome {
  const { task, vma, fields, address, pgoff, table, index } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  if (vma.hasLostPages.get()) return "SIGBUS";
  const hstate = hstateOf(fields);
  const inode = fields.file!.inode!;
  const isShared = (fields.flags & VmFlag.mayShare) !== 0;
  let folio = filemapLockFolio(inode, pgoff);
  const isAnon = folio === null && !isShared;
  if (folio === null) {
    if (pgoff * PAGE_SIZE + hstate.size > inode.size.get()) return "SIGBUS";
    if (isUserfaultMissing(fault)) return isStable(fault, orig) ? { ask: "missing" } : null;
    if (!isShared) anonVmaPrepare(vma);
    folio = allocHugetlbFolio(task, vma, address, false);
    if (folio === null) return "SIGBUS";
    frames.mark(folio, PageFlag.uptodate);
    frames.lock(folio);
    if (isShared) hugetlbAddToPageCache(inode, pgoff, folio);
    // folio_set_hugetlb_migratable(): it can be isolated from here on.
    frames.mark(folio, PageFlag.lru);
  } else if (frames.test(folio, PageFlag.hwpoison)) {
    frames.unlock(folio);
    frames.put(folio);
    return "HWPOISON";
  } else if (isUserfaultMinor(fault)) {
    frames.unlock(folio);
    frames.put(folio);
    return isStable(fault, orig) ? { ask: "minor" } : null;
  }
  mm.pageTableLock.lock();
  if (table.get(index) !== orig) {
    mm.pageTableLock.unlock();
    if (isAnon) restoreReserve(vma, address, folio);
    frames.unlock(folio);
    frames.put(folio);
    return null;
  }
  if (isAnon) hugetlbAddNewAnonRmap(vma, folio, pgoff);
  else hugetlbAddRmap(frames, folio);
  const entry = makeHugePte(fields, folio, (fields.flags & VmFlag.shared) !== 0);
  const isProtected = pteHas(orig, PteFlag.uffdWp);
  table.set(index, isProtected ? pteChange(entry, PteFlag.uffdWp, PteFlag.write) : entry);
  let error: FaultError | null = null;
  if (fault.write && (fields.flags & VmFlag.shared) === 0) {
    // The copy at once, without a second fault.
    if (!isAnon) frames.unlock(folio);
    error = hugetlbWp(fault);
    if (!isAnon) {
      mm.pageTableLock.unlock();
      return error;
    }
  }
  mm.pageTableLock.unlock();
  frames.unlock(folio);
  return error;
}

nameFunctions({
  hugetlb_fault: [hugetlbFault, hugetlbPresent],
  hugetlb_no_page: hugetlbNoPage,
});

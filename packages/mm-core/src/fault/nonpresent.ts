import { nameFunctions } from "@kvmm/interleave";
import { placement, vmaPolicy } from "../mempolicy.js";
import { migrationEntryWait } from "../migration-entry.js";
import { PageFlag } from "../page-flags.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import { addNewAnonRmap, anonVmaPrepare } from "../rmap.js";
import { isAnonymous, VmFlag } from "../vma.js";
import { doAnonymousPage } from "./anonymous.js";
import type { FaultError, PteFault } from "./fault.js";
import { doFault } from "./file-fault.js";

/** do_swap_page(): an entry that is neither none nor present. */
export function doSwapPage(fault: PteFault): FaultError | null {
  const { orig } = fault;
  if (pteHas(orig, PteFlag.migration)) {
    migrationEntryWait(fault.vma.mm.host.frames, orig);
    return null;
  }
  if (pteHas(orig, PteFlag.poisoned)) return "HWPOISON";
  if (pteHas(orig, PteFlag.marker)) return handlePteMarker(fault);
  if (!pteHas(orig, PteFlag.swap)) throw new Error(`entry ${orig} is neither present nor none`);
  return swapIn(fault);
}

/** handle_pte_marker() */
function handlePteMarker(fault: PteFault): FaultError | null {
  const { vma, fields, table, index, orig } = fault;
  if (pteHas(orig, PteFlag.guard)) return "SIGSEGV";
  // pte_marker_handle_uffd_wp(): without a userfaultfd any more the note means nothing.
  if ((fields.flags & VmFlag.uffdWp) === 0) {
    const { pageTableLock } = vma.mm;
    pageTableLock.lock();
    if (table.get(index) === orig) table.set(index, 0);
    pageTableLock.unlock();
    return null;
  }
  const marked = { ...fault, marker: orig };
  return isAnonymous(fields) ? doAnonymousPage(marked) : doFault(marked);
}

/** The rest of do_swap_page(): a page for the contents in swap. Nobody else can reach it if nobody else could before. */
function swapIn(fault: PteFault): FaultError | null {
  const { task, vma, fields, address, table, index, orig } = fault;
  const { mm } = vma;
  const { frames, swap } = mm.host;
  const slot = ptePfn(orig);
  const { node, allowed } = placement(vmaPolicy(task, vma, address), task.node, fault.pgoff);
  const pfn = frames.alloc(node, allowed);
  if (pfn === null) return "OOM";
  anonVmaPrepare(vma);
  frames.word.set(pfn, swap.word(slot));
  frames.mark(pfn, PageFlag.uptodate);
  mm.pageTableLock.lock();
  const won = table.get(index) === orig;
  if (won) {
    const exclusive = pteHas(orig, PteFlag.exclusive) || swap.users(slot) === 1;
    addNewAnonRmap(task, pfn, vma, fault.pgoff);
    if (!exclusive) frames.mark(pfn, 0, PageFlag.anonExclusive);
    const wp = pteHas(orig, PteFlag.uffdWp);
    let pte = mkPte(pfn, pageProt(fields) | PteFlag.young | (wp ? PteFlag.uffdWp : 0));
    if (exclusive && !wp) pte = pteChange(pte, maybeWrite(fields) | (fault.write ? PteFlag.dirty : 0), 0);
    table.set(index, pte);
    swap.put(slot);
  }
  mm.pageTableLock.unlock();
  if (!won) frames.put(pfn);
  mm.host.store.trace("do_swap_page", () => `${task.name}: slot ${slot} is back in frame ${pfn}`);
  return null;
}

nameFunctions({
  do_swap_page: doSwapPage,
  handle_pte_marker: handlePteMarker,
});

import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import { placement, vmaPolicy } from "../mempolicy.js";
import { PageFlag } from "../page-flags.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag } from "../pte.js";
import { addNewAnonRmap, anonVmaPrepare } from "../rmap.js";
import { VmFlag } from "../vma.js";
import type { Fault, FaultError } from "./fault.js";
import { handleUserfault, inherit, isUserfaultMissing } from "./userfaultfd.js";

/** alloc_anon_folio(), order 0: a zeroed page where the policy wants it. */
export function allocAnonFolio(fault: Fault): Pfn | null {
  const { task, vma, address } = fault;
  const { node, allowed } = placement(vmaPolicy(task, vma, address), task.node, fault.pgoff);
  const { frames } = task.process.host;
  const pfn = frames.alloc(node, allowed);
  if (pfn !== null) frames.mark(pfn, PageFlag.uptodate);
  return pfn;
}

/** do_anonymous_page(): the zero page for a read, a page of one's own for a write. */
export function doAnonymousPage(fault: Fault): FaultError | null {
  const { task, vma, fields, address } = fault;
  const { mm } = vma;
  const { host } = mm;
  if ((fields.flags & VmFlag.shared) !== 0) return "SIGBUS";
  const table = mm.tryAllocPte(address);
  if (table === null) return null;
  const index = table.indexOf(address);
  if (!fault.write) {
    mm.pageTableLock.lock();
    const unchanged = table.get(index) === (fault.marker ?? 0);
    if (unchanged && isUserfaultMissing(fault)) {
      mm.pageTableLock.unlock();
      return handleUserfault(fault, "missing");
    }
    if (unchanged) {
      table.set(
        index,
        inherit(fault, mkPte(host.zeroPfn, pageProt(fields) | PteFlag.special | PteFlag.young)),
      );
    }
    mm.pageTableLock.unlock();
    return null;
  }
  anonVmaPrepare(vma);
  const pfn = allocAnonFolio(fault);
  if (pfn === null) return "OOM";
  mm.pageTableLock.lock();
  const won = table.get(index) === (fault.marker ?? 0);
  if (won && isUserfaultMissing(fault)) {
    mm.pageTableLock.unlock();
    host.frames.put(pfn);
    return handleUserfault(fault, "missing");
  }
  if (won) {
    addNewAnonRmap(task, pfn, vma, fault.pgoff);
    table.set(
      index,
      inherit(fault, mkPte(pfn, pageProt(fields) | maybeWrite(fields) | PteFlag.dirty | PteFlag.young)),
    );
  }
  mm.pageTableLock.unlock();
  if (!won) host.frames.put(pfn);
  host.store.trace("do_anonymous_page", () => `${task.name}: new page on node ${host.frames.nodeOf(pfn)}`);
  return null;
}

nameFunctions({
  alloc_anon_folio: allocAnonFolio,
  do_anonymous_page: doAnonymousPage,
});

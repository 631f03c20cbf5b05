import type { Fault, FaultError } from "../fault/fault.js";
import { pgoffOf } from "../file.js";
import { NotModelled } from "../not-modelled.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { maybeWrite } from "../prot.js";
import { type Pte, PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import { anonVmaPrepare } from "../rmap.js";
import { VmFlag } from "../vma.js";
import { allocHugetlbFolio } from "./alloc.js";
import { makeHugePte } from "./huge-pte.js";
import { hstateOf } from "./hugetlb-info.js";
import { hugetlbAddNewAnonRmap, hugetlbRemoveRmap } from "./rmap.js";

/** A fault on an address that a huge page of hugetlbfs maps, or could; its address is where the page begins. */
export interface HugetlbFault extends Fault {
  readonly table: Table;
  readonly index: number;
}

/** hugetlb_wp(): a write to an entry that does not allow it. Called with page_table_lock held, and returns with it. */
export function hugetlbWp(fault: HugetlbFault): FaultError | null {
  const { task, vma, fields, address, table, index } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  const pte = table.get(index);
  const old = ptePfn(pte);
  if (fault.unshare !== true && pteHas(pte, PteFlag.uffdWp)) return null;
  if ((fields.flags & VmFlag.mayShare) !== 0) {
    table.set(index, writable(pte));
    return null;
  }
  // References of others do not count here: copies are dear.
  if (frames.mapcount.get(old) === 1 && frames.test(old, PageFlag.anon)) {
    if (!frames.test(old, PageFlag.anonExclusive)) {
      frames.setMapping(old, vma.anonVma.get(), pgoffOf(fields, address));
      frames.mark(old, PageFlag.anonExclusive);
    }
    if (fault.unshare !== true && maybeWrite(fields) !== 0) table.set(index, writable(pte));
    return null;
  }
  const fromOwner = fields.reserve !== undefined && frames.test(old, PageFlag.anon);
  frames.get(old);
  mm.pageTableLock.unlock();
  const copy = allocHugetlbFolio(task, vma, address, fromOwner);
  if (copy === null) {
    frames.put(old);
    // unmap_ref_private(): the page would be taken away from the children.
    if (fromOwner) throw new NotModelled("hugetlb_wp(no free huge page for the parent's copy)");
    mm.pageTableLock.lock();
    return "SIGBUS";
  }
  anonVmaPrepare(vma);
  frames.copy(copy, old);
  frames.mark(copy, PageFlag.uptodate);
  const size = hstateOf(fields).size;
  const range = invalidateRangeStart(mm, address, address + size, "CLEAR", "hugetlb_wp");
  mm.pageTableLock.lock();
  const won = table.get(index) === pte;
  if (won) {
    table.set(index, 0);
    hugetlbRemoveRmap(frames, old);
    hugetlbAddNewAnonRmap(vma, copy, pgoffOf(fields, address));
    const kept = pte & PteFlag.uffdWp;
    table.set(index, makeHugePte(fields, copy, fault.unshare !== true) + kept);
    frames.mark(copy, PageFlag.lru);
  }
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  // The one that is not used, and the reference that was taken to the old one.
  frames.put(won ? old : copy);
  frames.put(old);
  mm.pageTableLock.lock();
  return null;
}

/** set_huge_ptep_writable() */
function writable(pte: Pte): Pte {
  return pteChange(pte, PteFlag.write | PteFlag.dirty, 0);
}

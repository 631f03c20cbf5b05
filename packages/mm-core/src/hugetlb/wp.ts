import { nameFunctions } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import type { Fault, FaultError } from "../fault/fault.js";
import { pgoffOf } from "../file.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { maybeWrite } from "../prot.js";
import { type Pte, PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import { anonVmaPrepare } from "../rmap.js";
import { type Vma, VmFlag } from "../vma.js";
import { allocHugetlbFolio, restoreReserve } from "./alloc.js";
import { makeHugePte } from "./huge-pte.js";
import { hstateOf, hugetlbInfo } from "./hugetlb-info.js";
import { hugetlbAddNewAnonRmap, hugetlbRemoveRmap } from "./rmap.js";
import { unmapHugepageRange } from "./unmap.js";

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
    if (fromOwner) {
      const { faultMutex } = hugetlbInfo(fields.file!);
      faultMutex.unlock();
      unmapRefPrivate(vma, address, old);
      faultMutex.lock();
    }
    mm.pageTableLock.lock();
    if (!fromOwner) return "SIGBUS";
    return table.get(index) === pte ? hugetlbWp(fault) : null;
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
  if (!won) restoreReserve(vma, address, copy);
  // The one that is not used, and the reference that was taken to the old one.
  frames.put(won ? old : copy);
  frames.put(old);
  mm.pageTableLock.lock();
  return null;
}

/**
 * unmap_ref_private(): the pool is empty, and the owner of a private mapping wants to write to a page that it shares since
 * fork: it is taken away from the children, whose mappings are worth nothing from then on.
 */
function unmapRefPrivate(vma: Vma, address: Hva, folio: Pfn): void {
  const { fields } = vma;
  const inode = fields.file!.inode!;
  const pgoff = pgoffOf(fields, address);
  inode.mappingsLock.writeLock();
  for (const other of inode.mappings.overlapping(pgoff, pgoff + 1)) {
    const { flags, reserve } = other.fields;
    if (other === vma || (flags & VmFlag.mayShare) !== 0 || reserve !== undefined) continue;
    unmapHugepageRange(other, address, address + hstateOf(fields).size, { only: folio });
  }
  inode.mappingsLock.writeUnlock();
}

/** set_huge_ptep_writable() */
function writable(pte: Pte): Pte {
  return pteChange(pte, PteFlag.write | PteFlag.dirty, 0);
}

nameFunctions({
  hugetlb_wp: hugetlbWp,
  unmap_ref_private: unmapRefPrivate,
});

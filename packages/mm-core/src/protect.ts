import { nameFunctions } from "@kvmm/interleave";
import { entryEnd, type Hva, PAGE_SIZE, PGDIR_SIZE, PMD_PAGES, PMD_SIZE, PUD_SIZE } from "./addresses.js";
import { hugetlbChangeProtection } from "./hugetlb/protect.js";
import { invalidateRangeEnd, invalidateRangeStart, type NotifierRange } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import type { Table } from "./page-table.js";
import { isMaybeDmaPinned } from "./pin.js";
import { canBecomeWritable, pageProt, pteModify } from "./prot.js";
import { type Pte, PteFlag, pteChange, pteHas, ptePfn, ptePresent, pteProtNone } from "./pte.js";
import { isMaybeMappedShared } from "./rmap.js";
import type { Task } from "./task.js";
import { changeHugePmd } from "./thp/protect.js";
import { splitHugePmd } from "./thp/split-pmd.js";
import { changeAbsentEntry, changePresentEntry } from "./userfaultfd/change-entry.js";
import { type Vma, type VmaFields, VmFlag } from "./vma.js";

/** MM_CP_*: why entries change. */
export interface ProtectReason {
  /** MM_CP_PROT_NUMA: on behalf of this task, entries become NUMA hints. `normal`: the sysctl's NORMAL bit. */
  readonly numa?: { readonly task: Task; readonly normal: boolean };
  /** MM_CP_UFFD_WP, MM_CP_UFFD_WP_RESOLVE: a userfaultfd wants to know of writes, or no longer. */
  readonly uffdWp?: "protect" | "resolve";
  /** MM_CP_TRY_CHANGE_WRITABLE: entries that need no fault to become writable do. */
  readonly tryWritable?: boolean;
}

/**
 * change_protection(): brings the entries of `[start, end)` in line with the mapping's protection, or makes them NUMA
 * hints. Raises one notifier per PGD entry, from the first populated PUD entry on; none where nothing is populated.
 * @returns number of pages whose entry was changed
 */
export function changeProtection(vma: Vma, start: Hva, end: Hva, reason: ProtectReason): number {
  const { mm } = vma;
  if ((vma.fields.flags & VmFlag.hugetlb) !== 0)
    return hugetlbChangeProtection(vma, start, end, reason.uffdWp);
  let changed = 0;
  for (let address = start; address < end; ) {
    const next = entryEnd(address, PGDIR_SIZE, end);
    const pud = mm.pgd.child(mm.pgd.indexOf(address));
    if (pud !== null) changed += changePudRange(vma, pud, address, next, reason);
    address = next;
  }
  return changed;
}

/** change_pud_range() */
function changePudRange(vma: Vma, pud: Table, start: Hva, end: Hva, reason: ProtectReason): number {
  const { mm } = vma;
  let range: NotifierRange | null = null;
  let changed = 0;
  for (let address = start; address < end; ) {
    const next = entryEnd(address, PUD_SIZE, end);
    const pmd = pud.child(pud.indexOf(address));
    if (pmd !== null) {
      range ??= invalidateRangeStart(mm, address, end, "PROTECTION_VMA", "change_pud_range");
      for (let at = address; at < next; ) {
        const to = entryEnd(at, PMD_SIZE, next);
        changed += changePmd(vma, pmd, at, to, reason);
        at = to;
      }
    }
    address = next;
  }
  if (range !== null) invalidateRangeEnd(mm, range);
  return changed;
}

/** change_pmd_range(), of one entry: a huge page of which only a part changes is mapped by small entries first. */
function changePmd(vma: Vma, pmds: Table, start: Hva, end: Hva, reason: ProtectReason): number {
  const { mm } = vma;
  const index = pmds.indexOf(start);
  let table = pmds.child(index);
  if (table === null && pmds.get(index) !== 0) {
    if (end - start === PMD_SIZE) {
      mm.pageTableLock.lock();
      const huge = pmds.get(index) !== 0;
      const changed = huge && changeHugePmd(vma, pmds, index, reason);
      mm.pageTableLock.unlock();
      if (huge) return changed ? PMD_PAGES : 0;
    } else splitHugePmd(vma, start);
    table = pmds.child(index);
  }
  return table === null ? 0 : changePteRange(vma, table, start, end, reason);
}

/** change_pte_range() */
function changePteRange(vma: Vma, table: Table, start: Hva, end: Hva, reason: ProtectReason): number {
  const { mm, fields } = vma;
  const prot = reason.numa === undefined ? pageProt(fields) : PteFlag.protNone;
  let changed = 0;
  mm.pageTableLock.lock();
  const last = table.indexOf(end - PAGE_SIZE);
  for (let index = table.indexOf(start); index <= last; index++) {
    const pte = table.get(index);
    if (pte === 0 && reason.uffdWp === undefined) continue;
    if (!ptePresent(pte)) {
      // A write migration entry becomes a read one.
      const read = pteHas(pte, PteFlag.write) ? pteChange(pte, 0, PteFlag.write) : pte;
      table.set(index, reason.uffdWp === undefined ? read : changeAbsentEntry(fields, read, reason.uffdWp));
      continue;
    }
    if (reason.numa !== undefined && (pteProtNone(pte) || !canMapNumaHint(vma, fields, pte, reason.numa)))
      continue;
    let now = pteModify(pte, prot);
    if (reason.uffdWp !== undefined) now = changePresentEntry(now, reason.uffdWp);
    if (reason.tryWritable === true && canBecomeWritable(mm.host.frames, fields, now)) {
      now = pteChange(now, PteFlag.write, 0);
    }
    table.set(index, now);
    changed++;
  }
  mm.pageTableLock.unlock();
  return changed;
}

/** folio_can_map_prot_numa(): is a hint on this page of any use? */
export function canMapNumaHint(
  vma: Vma,
  fields: VmaFields,
  pte: Pte,
  numa: { readonly task: Task; readonly normal: boolean },
): boolean {
  const { frames } = vma.mm.host;
  if (pteHas(pte, PteFlag.special)) return false;
  const pfn = ptePfn(pte);
  const flags = frames.flagsOf(pfn);
  if ((flags & PageFlag.ksm) !== 0) return false;
  const cow = (fields.flags & (VmFlag.shared | VmFlag.mayWrite)) === VmFlag.mayWrite;
  if (cow && isMaybeMappedShared(frames, pfn)) return false;
  if (isMaybeDmaPinned(frames, pfn)) return false;
  if ((flags & PageFlag.swapbacked) === 0 && (flags & PageFlag.dirty) !== 0) return false;
  const isPrivate = (fields.flags & VmFlag.shared) === 0;
  if (isPrivate && frames.nodeOf(pfn) === numa.task.node) return false;
  // Every node here is of the top tier: with tiering alone, none of its pages is looked at.
  return numa.normal;
}

nameFunctions({
  change_protection: changeProtection,
  change_pud_range: changePudRange,
  change_pmd_range: changePmd,
  change_pte_range: changePteRange,
  folio_can_map_prot_numa: canMapNumaHint,
});

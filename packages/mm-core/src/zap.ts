import { nameFunctions } from "@kvmm/interleave";
import { entryEnd, type Hva, PAGE_SIZE, type Pfn, PMD_SIZE } from "./addresses.js";
import { isRefusal, type Result, refuse } from "./errno.js";
import type { Host } from "./host.js";
import { adjustRangeIfPmdSharingPossible } from "./hugetlb/sharing.js";
import { unmapHugepages } from "./hugetlb/unmap.js";
import type { Mm } from "./mm.js";
import { zapNonpresent } from "./nonpresent.js";
import { invalidateRangeEnd, invalidateRangeStart, invalidateRangeStartNonblock } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import type { Table } from "./page-table.js";
import { PteFlag, pteHas, pteNone, ptePfn, ptePresent } from "./pte.js";
import { removeRmap } from "./rmap.js";
import { splitHugePmd } from "./thp/split-pmd.js";
import { zapHugePmd } from "./thp/zap.js";
import { isAnonymous, type Vma, VmFlag } from "./vma.js";

export interface ZapDetails {
  /** Leave private copies of the file's pages alone. */
  readonly skipCows?: boolean;
  /** The mapping itself goes: guard and write-protection markers go with it (ZAP_FLAG_DROP_MARKER). */
  readonly dropMarkers?: boolean;
}

/** Pages that were unmapped and still have the mapping's reference: what struct mmu_gather collects. */
export type Batch = Pfn[];

/** tlb_finish_mmu(), free_pages_and_swap_cache(): the references go, and with the last one the page. */
export function freeBatch(host: Host, batch: Batch): void {
  if (batch.length > 0) host.lru.drain();
  for (const pfn of batch) host.frames.put(pfn);
}

/** zap_vma_range_batched(): takes `[start, end)` of a mapping out of the page table, under a notifier. */
export function zapVmaRangeBatched(vma: Vma, start: Hva, end: Hva, details: ZapDetails): Batch {
  if (start === end) return [];
  const adjusted = isHugetlb(vma) ? adjustRangeIfPmdSharingPossible(vma.fields, start, end) : { start, end };
  const range = invalidateRangeStart(vma.mm, adjusted.start, adjusted.end, "CLEAR", "zap_vma_range_batched");
  const batch = zapVmaRange(vma, start, end, details);
  invalidateRangeEnd(vma.mm, range);
  return batch;
}

/**
 * zap_vma_for_reaping(): takes a whole mapping out of the page table without waiting for anything. Not for hugetlb.
 * @returns EBUSY if a listener would have to wait; then nothing has gone
 */
export function zapVmaForReaping(vma: Vma): Result<Batch> {
  const { start, end } = vma.fields;
  const range = invalidateRangeStartNonblock(vma.mm, start, end, "CLEAR", "zap_vma_for_reaping");
  if (isRefusal(range)) return refuse("EBUSY", "zap_vma_for_reaping", range.reason);
  const batch = zapVmaRange(vma, start, end, {});
  invalidateRangeEnd(vma.mm, range);
  return batch;
}

/** unmap_vmas(): takes whole mappings out of the page table, under one notifier for all of them. */
export function unmapVmas(mm: Mm, vmas: readonly Vma[], start: Hva, end: Hva): Batch {
  const range = invalidateRangeStart(mm, start, end, "UNMAP", "unmap_vmas");
  const batch: Batch = [];
  for (const vma of vmas) {
    const { start: from, end: to } = vma.fields;
    zapInto(vma, Math.max(from, start), Math.min(to, end), { dropMarkers: true }, batch);
  }
  invalidateRangeEnd(mm, range);
  return batch;
}

/** __zap_vma_range(), without a notifier. */
export function zapVmaRange(vma: Vma, start: Hva, end: Hva, details: ZapDetails): Batch {
  const batch: Batch = [];
  zapInto(vma, start, end, details, batch);
  return batch;
}

function zapInto(vma: Vma, start: Hva, end: Hva, details: ZapDetails, batch: Batch): void {
  const { mm } = vma;
  if (isHugetlb(vma)) {
    // hugetlb_zap_begin()
    const { mappingsLock } = vma.fields.file!.inode!;
    mappingsLock.writeLock();
    unmapHugepages(vma, start, end, batch, { dropMarkers: details.dropMarkers === true });
    mappingsLock.writeUnlock();
    return;
  }
  for (let address = start; address < end; ) {
    const next = mm.pmdEnd(address, end);
    const pmds = mm.pmd(address);
    if (pmds !== null) zapPmd(vma, pmds, address, next, details, batch);
    address = next;
  }
}

/** is_vm_hugetlb_page() */
function isHugetlb(vma: Vma): boolean {
  return (vma.fields.flags & VmFlag.hugetlb) !== 0;
}

/** zap_pmd_range(), of one entry: a huge page that goes only in part is mapped by small entries first. */
function zapPmd(vma: Vma, pmds: Table, start: Hva, end: Hva, details: ZapDetails, batch: Batch): void {
  const { mm } = vma;
  const index = pmds.indexOf(start);
  let table = pmds.child(index);
  if (table === null && pmds.get(index) !== 0) {
    if (end - start === PMD_SIZE) {
      mm.pageTableLock.lock();
      const huge = pmds.get(index) !== 0;
      if (huge) zapHugePmd(vma, pmds, index, batch);
      mm.pageTableLock.unlock();
      if (huge) return;
    } else splitHugePmd(vma, start);
    table = pmds.child(index);
  }
  if (table !== null) zapPteRange(vma, table, start, end, details, batch);
}

/** zap_pte_range() */
function zapPteRange(vma: Vma, table: Table, start: Hva, end: Hva, details: ZapDetails, batch: Batch): void {
  const { mm } = vma;
  const { frames } = mm.host;
  mm.pageTableLock.lock();
  const nonpresent = {
    keepCows: details.skipCows === true,
    dropMarkers: details.dropMarkers === true,
    isAnonymous: isAnonymous(vma.fields),
  };
  const last = table.indexOf(end - PAGE_SIZE);
  for (let index = table.indexOf(start); index <= last; index++) {
    const pte = table.get(index);
    if (pteNone(pte)) continue;
    if (!ptePresent(pte)) {
      if (zapNonpresent(mm.host, pte, nonpresent)) table.set(index, 0);
      continue;
    }
    const pfn = ptePfn(pte);
    const special = pteHas(pte, PteFlag.special);
    if (!special && details.skipCows === true && frames.test(pfn, PageFlag.anon)) continue;
    table.set(index, 0);
    if (special) continue;
    if (pteHas(pte, PteFlag.dirty) && !frames.test(pfn, PageFlag.anon)) frames.mark(pfn, PageFlag.dirty);
    removeRmap(frames, pfn, mm);
    batch.push(pfn);
  }
  mm.pageTableLock.unlock();
}

/**
 * free_pgtables(): frees the tables of PTEs, and those above them, that only `[start, end)` used. Mappings end at
 * `floor` below it and begin at `ceiling` above it.
 */
export function freePgtables(mm: Mm, start: Hva, end: Hva, floor: Hva, ceiling: Hva): void {
  mm.pageTableLock.lock();
  freeBelow(mm.pgd, start, end, floor, ceiling);
  mm.pageTableLock.unlock();
}

function freeBelow(table: Table, start: Hva, end: Hva, floor: Hva, ceiling: Hva): void {
  const size = [0, PMD_SIZE, 2 ** 30, 2 ** 39][table.level]!;
  for (let address = start; address < end; ) {
    const next = entryEnd(address, size, end);
    const index = table.indexOf(address);
    const child = table.child(index);
    if (child !== null) {
      if (child.level > 0) freeBelow(child, address, next, floor, ceiling);
      const base = address - (address % size);
      if (base >= floor && base + size <= ceiling) table.setChild(index, null);
    }
    address = next;
  }
}

nameFunctions({
  tlb_finish_mmu: freeBatch,
  zap_vma_range_batched: zapVmaRangeBatched,
  unmap_vmas: unmapVmas,
  __zap_vma_range: zapVmaRange,
  zap_pmd_range: zapPmd,
  zap_pte_range: zapPteRange,
  free_pgtables: freePgtables,
});

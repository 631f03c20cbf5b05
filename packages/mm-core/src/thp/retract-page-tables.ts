import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn, type Pgoff, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { type Inode, pgoffOf } from "../file.js";
import { filemapLockFolio } from "../filemap.js";
import type { Mm } from "../mm.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import type { Table } from "../page-table.js";
import { ptePfn, ptePresent } from "../pte.js";
import { removeRmap } from "../rmap.js";
import { type Vma, VmFlag } from "../vma.js";
import { thpVmaForcedCollapse } from "./allowable.js";
import { doSetPmd } from "./file.js";
import { findPmdOrThpOrNone, type ScanResult, type TablePlace } from "./scan-result.js";

/**
 * retract_page_tables(): the mappings of a huge page that has just replaced small ones, which is still locked, lose their
 * empty tables of PTEs, so that they can map all of it.
 * @param first its place in the file
 */
export function retractPageTables(inode: Inode, first: Pgoff): void {
  inode.mappingsLock.readLock();
  for (const vma of inode.mappings.overlapping(first, first + 1)) {
    const { mm } = vma;
    const { start, end, pgoff } = vma.fields;
    const address = start + (first - pgoff) * PAGE_SIZE;
    if (address % PMD_SIZE !== 0 || end < address + PMD_SIZE) continue;
    if (typeof findPmdOrThpOrNone(mm, address) === "string") continue;
    if (mm.users.get() === 0 || !isRetractable(vma)) continue;
    const range = invalidateRangeStart(mm, address, address + PMD_SIZE, "CLEAR", "retract_page_tables");
    mm.pageTableLock.lock();
    const place = findPmdOrThpOrNone(mm, address);
    if (typeof place !== "string" && isRetractable(vma)) place.pmds.setChild(place.index, null);
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
  }
  inode.mappingsLock.readUnlock();
}

/** file_backed_vma_is_retractable(): a mapping with pages or notes of its own keeps its tables. */
function isRetractable(vma: Vma): boolean {
  if (vma.anonVma.get() !== null || (vma.fields.flags & VmFlag.uffdWp) !== 0) return false;
  return !vma.mayHaveGuards.get();
}

/**
 * try_collapse_pte_mapped_thp(): a table that maps nothing but the huge page of a file goes. With mmap_lock held for
 * reading.
 * @param installPmd one entry for all of the huge page takes its place; else that is left to the next fault
 */
export function tryCollapsePteMappedThp(mm: Mm, haddr: Hva, installPmd: boolean): ScanResult {
  const { frames } = mm.host;
  const vma = mm.vmaAt(haddr);
  if (vma === undefined) return "SCAN_VMA_CHECK";
  const { fields } = vma;
  if (fields.file === null || fields.end < haddr + PMD_SIZE) return "SCAN_VMA_CHECK";
  if (findPmdOrThpOrNone(mm, haddr) === "SCAN_PMD_MAPPED") return "SCAN_PMD_MAPPED";
  if (thpVmaForcedCollapse(vma) !== null) return "SCAN_VMA_CHECK";
  // Notes of write protection would be lost with the table.
  if ((fields.flags & VmFlag.uffdWp) !== 0) return "SCAN_PTE_UFFD_WP";
  const folio = filemapLockFolio(fields.file.inode!, pgoffOf(fields, haddr));
  if (folio === null) return "SCAN_PAGE_NULL";
  const result =
    frames.order(folio) === 9 ? retractAndMap(vma, haddr, folio, installPmd) : "SCAN_PAGE_COMPOUND";
  frames.unlock(folio);
  frames.put(folio);
  return result;
}

function retractAndMap(vma: Vma, haddr: Hva, folio: Pfn, installPmd: boolean): ScanResult {
  const { mm, fields } = vma;
  const place = findPmdOrThpOrNone(mm, haddr);
  if (place === "SCAN_PMD_MAPPED") return place;
  const failed = place === "SCAN_NO_PTE_TABLE" ? null : retract(mm, haddr, place, folio);
  if (failed !== null) return failed;
  if (!installPmd) return "SCAN_SUCCEED";
  // set_huge_pmd()
  if (!doSetPmd({ vma, fields, address: haddr, write: false }, folio)) return "SCAN_FAIL";
  mm.host.frames.get(folio);
  return "SCAN_SUCCEED";
}

/** The table, which maps nothing but the huge page, goes. @returns why not */
function retract(mm: Mm, haddr: Hva, { pmds, index, table }: TablePlace, folio: Pfn): ScanResult | null {
  mm.pageTableLock.lock();
  let failed: ScanResult | null = null;
  for (let page = 0; page < PMD_PAGES && failed === null; page++) failed = mapsOther(table, page, folio);
  mm.pageTableLock.unlock();
  if (failed !== null) return failed;
  const range = invalidateRangeStart(mm, haddr, haddr + PMD_SIZE, "CLEAR", "try_collapse_pte_mapped_thp");
  mm.pageTableLock.lock();
  // pmd_same()
  failed = pmds.child(index) === table ? clearTable(mm, table, folio) : "SCAN_FAIL";
  if (failed === null) pmds.setChild(index, null);
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  return failed;
}

/** Maps an entry of the table anything but its page of the folio? */
function mapsOther(table: Table, page: number, folio: Pfn): ScanResult | null {
  const pte = table.get(page);
  if (pte === 0) return null;
  if (!ptePresent(pte)) return "SCAN_PTE_NON_PRESENT";
  return ptePfn(pte) === folio + page ? null : "SCAN_FAIL";
}

/** Empties it, up to what it may map besides by now. */
function clearTable(mm: Mm, table: Table, folio: Pfn): ScanResult | null {
  const { frames } = mm.host;
  for (let page = 0; page < PMD_PAGES; page++) {
    const failed = mapsOther(table, page, folio);
    if (failed !== null) return failed;
    if (table.get(page) === 0) continue;
    table.set(page, 0);
    removeRmap(frames, folio, mm);
    frames.put(folio);
  }
  return null;
}

nameFunctions({
  retract_page_tables: retractPageTables,
  file_backed_vma_is_retractable: isRetractable,
  try_collapse_pte_mapped_thp: tryCollapsePteMappedThp,
});

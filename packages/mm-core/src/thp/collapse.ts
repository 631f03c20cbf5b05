import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { handleMmFault } from "../fault/handle.js";
import { pgoffOf } from "../file.js";
import type { Host } from "../host.js";
import { isolateLru, putbackLru } from "../migrate.js";
import type { Mm } from "../mm.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { ptePfn, ptePresent } from "../pte.js";
import { removeRmap } from "../rmap.js";
import type { Task } from "../task.js";
import { isAnonymous, type Vma } from "../vma.js";
import { thpVmaForcedCollapse, thpVmaKhugepaged, thpVmaSuitable } from "./allowable.js";
import { mapAnonFolioPmd } from "./anonymous.js";
import type { CollapseControl } from "./collapse-control.js";
import { collapseScanFile } from "./collapse-file.js";
import { collapseScanPmd, holdsPage, type Scanned, Tally } from "./collapse-scan.js";
import { tryCollapsePteMappedThp } from "./retract-page-tables.js";
import { findPmdOrThpOrNone, type ScanResult, type TablePlace } from "./scan-result.js";

/** collapse_single_pmd(). With mmap_lock held for reading, which it drops and takes again. */
export function collapseSinglePmd(vma: Vma, haddr: Hva, task: Task, control: CollapseControl): ScanResult {
  const { mm, fields } = vma;
  if (!isAnonymous(fields)) return collapseSingleFilePmd(vma, haddr, task, control);
  const scanned = collapseScanPmd(vma, haddr, control);
  if (typeof scanned === "string") return scanned;
  mm.mmapLock.readUnlock();
  const result = collapseHugePage(task, mm, haddr, scanned, control);
  mm.mmapLock.readLock();
  return result;
}

function collapseSingleFilePmd(
  { mm, fields }: Vma,
  haddr: Hva,
  task: Task,
  control: CollapseControl,
): ScanResult {
  const file = fields.file!.get();
  mm.mmapLock.readUnlock();
  const scanned = collapseScanFile(task, file, pgoffOf(fields, haddr), control);
  file.put();
  mm.mmapLock.readLock();
  if (scanned !== "SCAN_PTE_MAPPED_HUGEPAGE") return scanned;
  // Only who asked for it gets the huge page mapped at once.
  const mapped = tryCollapsePteMappedThp(mm, haddr, control === "MADV_COLLAPSE");
  return mapped === "SCAN_PMD_MAPPED" ? "SCAN_SUCCEED" : mapped;
}

/** hugepage_vma_revalidate(): mmap_lock was dropped in between. */
export function hugepageVmaRevalidate(mm: Mm, haddr: Hva, control: CollapseControl): Vma | ScanResult {
  const vma = mm.vmaAt(haddr);
  if (vma === undefined || !thpVmaSuitable(vma.fields, haddr)) return "SCAN_ADDRESS_RANGE";
  const isAllowed = control === "khugepaged" ? thpVmaKhugepaged(vma) : thpVmaForcedCollapse(vma) === null;
  return isAllowed ? vma : "SCAN_VMA_CHECK";
}

/** hugepage_vma_revalidate(), find_pmd_or_thp_or_none(), of private memory. */
function revalidateAnon(
  mm: Mm,
  haddr: Hva,
  control: CollapseControl,
): { readonly vma: Vma; readonly place: TablePlace } | ScanResult {
  const vma = hugepageVmaRevalidate(mm, haddr, control);
  if (typeof vma === "string") return vma;
  if (!isAnonymous(vma.fields)) return "SCAN_PAGE_ANON";
  const place = findPmdOrThpOrNone(mm, haddr);
  return typeof place === "string" ? place : { vma, place };
}

/** collapse_huge_page() */
function collapseHugePage(
  task: Task,
  mm: Mm,
  haddr: Hva,
  { target, unmapped }: Scanned,
  control: CollapseControl,
): ScanResult {
  const { frames } = mm.host;
  const folio = frames.alloc(target.node, target.allowed, 9);
  if (folio === null) return "SCAN_ALLOC_HUGE_PAGE_FAIL";
  const failed =
    (unmapped > 0 ? swapin(task, mm, haddr, control) : null) ?? replacePages(task, mm, haddr, folio, control);
  if (failed !== null) {
    frames.put(folio);
    return failed;
  }
  mm.host.store.trace("collapse_huge_page", () => `the pages at ${haddr.toString(16)} are one huge page now`);
  return "SCAN_SUCCEED";
}

/** __collapse_huge_page_swapin(): what is in swap comes back first. @returns why it could not */
function swapin(task: Task, mm: Mm, haddr: Hva, control: CollapseControl): ScanResult | null {
  mm.mmapLock.readLock();
  const found = revalidateAnon(mm, haddr, control);
  let failed: ScanResult | null = typeof found === "string" ? found : null;
  if (typeof found !== "string") {
    const { vma, place } = found;
    for (let at = 0; at < PMD_PAGES && failed === null; at++) {
      const pte = place.table.get(at);
      if (pte === 0 || ptePresent(pte)) continue;
      if (handleMmFault(task, vma, haddr + at * PAGE_SIZE, { write: false }) !== null) failed = "SCAN_FAIL";
    }
  }
  mm.mmapLock.readUnlock();
  mm.host.lru.drain();
  return failed;
}

/** The rest of collapse_huge_page(), with mmap_lock held for writing. @returns why it could not */
function replacePages(
  task: Task,
  mm: Mm,
  haddr: Hva,
  folio: Pfn,
  control: CollapseControl,
): ScanResult | null {
  const { frames } = mm.host;
  mm.mmapLock.writeLock();
  const found = revalidateAnon(mm, haddr, control);
  if (typeof found === "string") {
    mm.mmapLock.writeUnlock();
    return found;
  }
  const { vma } = found;
  const { pmds, index, table } = found.place;
  const range = invalidateRangeStart(mm, haddr, haddr + PMD_SIZE, "CLEAR", "collapse_huge_page");
  // pmdp_collapse_flush(): nobody reaches the table from here on.
  mm.pageTableLock.lock();
  pmds.setChild(index, null);
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  const isolated = isolate(vma, table, haddr, control);
  mm.pageTableLock.lock();
  if (typeof isolated === "string") pmds.setChild(index, table);
  else {
    copyPages(vma, table, folio, isolated);
    frames.mark(folio, PageFlag.uptodate);
    mapAnonFolioPmd({ task, vma, fields: vma.fields, haddr, pmds, pmdIndex: index }, folio);
  }
  mm.pageTableLock.unlock();
  mm.mmapLock.writeUnlock();
  return typeof isolated === "string" ? isolated : null;
}

/**
 * __collapse_huge_page_isolate(): all of the folios are locked and off the LRU, or none. khugepaged asks again whether
 * any of them is in use.
 */
function isolate(vma: Vma, table: Table, haddr: Hva, control: CollapseControl): readonly Pfn[] | ScanResult {
  const { frames } = vma.mm.host;
  const tally = new Tally(vma, control);
  const isolated: Pfn[] = [];
  let failed: ScanResult | null = null;
  for (let at = 0; at < PMD_PAGES && failed === null; at++) {
    const pte = table.get(at);
    failed = tally.count(pte) ?? (pte === 0 || ptePresent(pte) ? null : "SCAN_PTE_NON_PRESENT");
    if (failed !== null || !holdsPage(pte)) continue;
    const folio = frames.folio(ptePfn(pte));
    const isIsolated = frames.order(folio) !== 0 && isolated.includes(folio);
    if (!isIsolated) failed = isolateFolio(vma.mm.host, folio, isolated);
    if (failed === null) tally.look(pte, haddr + at * PAGE_SIZE, "__collapse_huge_page_isolate");
  }
  if (failed === null && control === "khugepaged" && tally.referenced === 0)
    failed = "SCAN_LACK_REFERENCED_PAGE";
  if (failed === null) return isolated;
  // release_pte_pages()
  for (const folio of isolated) {
    frames.unlock(folio);
    putbackLru(vma.mm.host, folio);
  }
  return failed;
}

/** Locks a folio that nobody else holds, and takes it off the LRU. @returns why it could not */
function isolateFolio(host: Host, folio: Pfn, isolated: Pfn[]): ScanResult | null {
  const { frames } = host;
  if (!frames.trylock(folio)) return "SCAN_PAGE_LOCK";
  const isHeld = frames.refcount.get(folio) !== frames.mapcount.get(folio);
  if (!isHeld && isolateLru(host, folio)) {
    isolated.push(folio);
    return null;
  }
  frames.unlock(folio);
  return isHeld ? "SCAN_PAGE_COUNT" : "SCAN_DEL_PAGE_LRU";
}

/** __collapse_huge_page_copy(): the contents pass to the huge page, and the small ones go. */
function copyPages({ mm }: Vma, table: Table, folio: Pfn, isolated: readonly Pfn[]): void {
  const { frames } = mm.host;
  for (let at = 0; at < PMD_PAGES; at++) {
    const pte = table.get(at);
    if (pte === 0) continue;
    table.set(at, 0);
    if (!holdsPage(pte)) continue;
    const pfn = ptePfn(pte);
    frames.word.set(folio + at, frames.word.get(pfn));
    removeRmap(frames, pfn, mm);
    frames.put(pfn);
  }
  for (const old of isolated) {
    frames.unlock(old);
    frames.put(old);
  }
}

nameFunctions({
  collapse_single_pmd: collapseSinglePmd,
  hugepage_vma_revalidate: hugepageVmaRevalidate,
  collapse_huge_page: replacePages,
  __collapse_huge_page_swapin: swapin,
  __collapse_huge_page_isolate: isolate,
  __collapse_huge_page_copy: copyPages,
});

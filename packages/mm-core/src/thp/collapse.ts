import { nameFunctions } from "@kvmm/interleave";
import { type Hva, type Pfn, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { pgoffOf } from "../file.js";
import { isolateLru, putbackLru } from "../migrate.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { removeRmap } from "../rmap.js";
import type { Mm } from "../mm.js";
import type { Task } from "../task.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";
import { mapAnonFolioPmd } from "./anonymous.js";
import { collapseScanFile } from "./collapse-file.js";
import { type CollapseTarget, collapseFindTargetNode } from "./collapse-target.js";
import { tryCollapsePteMappedThp } from "./retract-page-tables.js";
import { findPmdOrThpOrNone, type ScanResult } from "./scan-result.js";

/** collapse_single_pmd(), for MADV_COLLAPSE. With mmap_lock held for reading, which it drops and takes again. */
export function collapseSinglePmd(vma: Vma, haddr: Hva, task: Task): ScanResult {
  const { mm, fields } = vma;
  if (!isAnonymous(fields)) return collapseSingleFilePmd(vma, haddr, task);
  const scanned = collapseScanPmd(vma, haddr);
  if (typeof scanned === "string") return scanned;
  mm.mmapLock.readUnlock();
  const result = collapseHugePage(task, vma.mm, haddr, scanned);
  mm.mmapLock.readLock();
  return result;
}

function collapseSingleFilePmd({ mm, fields }: Vma, haddr: Hva, task: Task): ScanResult {
  const file = fields.file!.get();
  mm.mmapLock.readUnlock();
  const scanned = collapseScanFile(task, file, pgoffOf(fields, haddr));
  file.put();
  mm.mmapLock.readLock();
  return scanned === "SCAN_PTE_MAPPED_HUGEPAGE" ? tryCollapsePteMappedThp(mm, haddr) : scanned;
}

/** collapse_scan_pmd(): can the pages be collapsed, and where to? */
function collapseScanPmd(vma: Vma, haddr: Hva): ScanResult | CollapseTarget {
  const { mm, fields } = vma;
  const { frames } = mm.host;
  const place = findPmdOrThpOrNone(mm, haddr);
  if (typeof place === "string") return place;
  const { table } = place;
  const load = new Array<number>(frames.nodes).fill(0);
  mm.pageTableLock.lock();
  let result: ScanResult | null = null;
  for (let at = 0; at < PMD_PAGES && result === null; at++) {
    const pte = table.get(at);
    result = unsuitable(vma, pte);
    if (result === null && holdsPage(pte)) load[frames.nodeOf(ptePfn(pte))]!++;
    // Zeros are left to faults where a userfaultfd is to be told of them (userfaultfd_armed()).
    if (result === null && !holdsPage(pte) && (fields.flags & UFFD_ARMED) !== 0)
      result = "SCAN_PTE_NON_PRESENT";
  }
  mm.pageTableLock.unlock();
  return result ?? collapseFindTargetNode(load);
}

const UFFD_ARMED = VmFlag.uffdMissing | VmFlag.uffdWp | VmFlag.uffdMinor;

/** Is there a page to be copied, rather than nothing, or zeros? */
function holdsPage(pte: Pte): boolean {
  return ptePresent(pte) && !pteHas(pte, PteFlag.special);
}

/** Why the page behind an entry cannot be part of a huge one, or null. */
function unsuitable({ mm }: Vma, pte: Pte): ScanResult | null {
  const { frames } = mm.host;
  if (pte === 0) return null;
  if (!ptePresent(pte)) return "SCAN_PTE_NON_PRESENT";
  if (pteHas(pte, PteFlag.uffdWp)) return "SCAN_PTE_UFFD_WP";
  if (pteHas(pte, PteFlag.special)) return null;
  const pfn = ptePfn(pte);
  if (!frames.test(pfn, PageFlag.anon)) return "SCAN_PAGE_ANON";
  if (!frames.test(pfn, PageFlag.lru)) return "SCAN_PAGE_LRU";
  if (frames.test(pfn, PageFlag.locked)) return "SCAN_PAGE_LOCK";
  const folio = frames.folio(pfn);
  return frames.refcount.get(folio) === frames.mapcount.get(folio) ? null : "SCAN_PAGE_COUNT";
}

/** collapse_huge_page() */
function collapseHugePage(task: Task, mm: Mm, haddr: Hva, target: CollapseTarget): ScanResult {
  const { frames } = mm.host;
  const folio = frames.alloc(target.node, target.allowed, 9);
  if (folio === null) return "SCAN_ALLOC_HUGE_PAGE_FAIL";
  mm.mmapLock.writeLock();
  // hugepage_vma_revalidate(), check_pmd_still_valid()
  const vma = mm.vmaAt(haddr);
  const place = findPmdOrThpOrNone(mm, haddr);
  if (vma === undefined || typeof place === "string" || vma.fields.end < haddr + PMD_SIZE) {
    mm.mmapLock.writeUnlock();
    frames.put(folio);
    return "SCAN_NO_PTE_TABLE";
  }
  const { pmds, index, table } = place;
  const range = invalidateRangeStart(mm, haddr, haddr + PMD_SIZE, "CLEAR", "collapse_huge_page");
  // pmdp_collapse_flush(): nobody reaches the table from here on.
  mm.pageTableLock.lock();
  pmds.setChild(index, null);
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  const isolated = isolate(vma, table);
  mm.pageTableLock.lock();
  if (typeof isolated === "string") pmds.setChild(index, table);
  else {
    copyPages(vma, table, folio, isolated);
    frames.mark(folio, PageFlag.uptodate);
    mapAnonFolioPmd({ task, vma, fields: vma.fields, haddr, pmds, pmdIndex: index }, folio);
  }
  mm.pageTableLock.unlock();
  mm.mmapLock.writeUnlock();
  if (typeof isolated === "string") {
    frames.put(folio);
    return isolated;
  }
  mm.host.store.trace("collapse_huge_page", () => `the pages at ${haddr.toString(16)} are one huge page now`);
  return "SCAN_SUCCEED";
}

/** __collapse_huge_page_isolate(): all of the folios are locked and off the LRU, or none. */
function isolate(vma: Vma, table: Table): readonly Pfn[] | ScanResult {
  const { host } = vma.mm;
  const { frames } = host;
  const isolated: Pfn[] = [];
  for (let at = 0; at < PMD_PAGES; at++) {
    const pte = table.get(at);
    const folio = holdsPage(pte) ? frames.folio(ptePfn(pte)) : 0;
    // Of a large folio, the first entry isolates it.
    if (folio !== 0 && isolated[isolated.length - 1] === folio) continue;
    let failed = unsuitable(vma, pte);
    if (failed === null && folio !== 0) {
      if (!frames.trylock(folio)) failed = "SCAN_PAGE_LOCK";
      else if (isolateLru(host, folio)) isolated.push(folio);
      else {
        frames.unlock(folio);
        failed = "SCAN_PAGE_LRU";
      }
    }
    if (failed === null) continue;
    // release_pte_pages()
    for (const other of isolated) {
      frames.unlock(other);
      putbackLru(host, other);
    }
    return failed;
  }
  return isolated;
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
  collapse_scan_pmd: collapseScanPmd,
  collapse_huge_page: collapseHugePage,
  __collapse_huge_page_isolate: isolate,
  __collapse_huge_page_copy: copyPages,
});

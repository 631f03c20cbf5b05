import { nameFunctions } from "@kvmm/interleave";
import { type Hva, type Node, PAGE_SIZE, type Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { type Leaf, leafAt, leafPage } from "../leaf.js";
import { isolateLru, migratePage, putbackLru } from "../migrate.js";
import type { Mm } from "../mm.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteHas, ptePresent } from "../pte.js";
import { folioTestLru } from "../reclaim/evictable.js";
import { reclaimPages } from "../reclaim/shrink-folio-list.js";
import { madvise, Madv } from "../syscalls/madvise.js";
import type { Task } from "../task.js";
import { VmFlag } from "../vma.js";
import { damonMkold, damonPaMkold, damonPaYoung, isYoungSinceIdle } from "./damon.js";

/** struct damos, with one filter by age (DAMOS_FILTER_TYPE_YOUNG): what is to be done with pages, and with which. */
export interface DamosScheme {
  readonly action: "stat" | "pageout" | "migrate_hot" | "migrate_cold";
  /** Where pages are to be migrated. */
  readonly targetNid: Node;
  /** The filter is about pages that were used (true) or were not. */
  readonly matching: boolean;
  /** Those are let through (true) or left alone; the others the other way round. */
  readonly allow: boolean;
}

/**
 * damon_va_apply_scheme(): a scheme over virtual addresses is applied to a range of the task's memory. Of the actions, only
 * `stat` and the migrations look at the filter: `pageout` is MADV_PAGEOUT of the range.
 */
export function damosVa(task: Task, start: Hva, end: Hva, scheme: DamosScheme): void {
  const { mm } = task;
  const { host } = mm;
  if (scheme.action === "pageout") {
    madvise(task, start, end - start, Madv.pageout);
    return;
  }
  const isolated: Pfn[] = [];
  mm.mmapLock.readLock();
  for (const { fields } of mm.vmas.overlapping(start, end)) {
    // walk_page_range() without a hugetlb_entry.
    if ((fields.flags & (VmFlag.hugetlb | VmFlag.pfnmap)) !== 0) continue;
    const last = Math.min(end, fields.end);
    for (let at = Math.max(start, fields.start); at < last; ) {
      const next = mm.pmdEnd(at, last);
      mm.pageTableLock.lock();
      if (mm.pmd(at) !== null) walkPmd(mm, at, next, scheme, isolated);
      mm.pageTableLock.unlock();
      at = next;
    }
  }
  mm.mmapLock.readUnlock();
  migrateTo(host, isolated, scheme.targetNid);
}

/** damos_va_stat_pmd_entry(), damos_va_migrate_pmd_entry(). Under page_table_lock. */
function walkPmd(mm: Mm, start: Hva, end: Hva, scheme: DamosScheme, isolated: Pfn[]): void {
  const { host } = mm;
  for (let at = start; at < end; ) {
    const leaf = leafAt(mm, at);
    const folio = leaf === null || !holdsFolio(leaf) ? null : host.frames.folio(leafPage(leaf, at));
    if (leaf === null || folio === null) {
      at += PAGE_SIZE;
      continue;
    }
    const passes = isLetThrough(vaFilterYoungMatch(mm, leaf, at, scheme), scheme);
    if (passes && scheme.action !== "stat" && isolateLru(host, folio)) isolated.push(folio);
    at = leaf.table.level > 0 ? end : at + host.frames.pagesOf(folio) * PAGE_SIZE;
  }
}

/** vm_normal_folio() */
function holdsFolio({ pte }: Leaf): boolean {
  return ptePresent(pte) && !pteHas(pte, PteFlag.special);
}

/** damos_va_filter_young_match(): was the page used, as the entry at hand says? If so, it counts as unused from here on. */
function vaFilterYoungMatch(mm: Mm, leaf: Leaf, address: Hva, { matching }: DamosScheme): boolean {
  const young = isYoungSinceIdle(mm, leaf, address, "damos_va_filter_young_match");
  if (young) damonMkold(mm, leaf, address);
  return young === matching;
}

/** damos_va_filter_out(): what the filter does not match has the opposite done to it. */
function isLetThrough(matches: boolean, { allow }: DamosScheme): boolean {
  return matches === allow;
}

/**
 * damon_pa_apply_scheme(): a scheme over physical addresses is applied to frames. Whether one was used is asked of all
 * that map its folio (damon_folio_young()).
 */
export function damosPa(host: Host, frames: readonly Pfn[], scheme: DamosScheme): void {
  const isolated: Pfn[] = [];
  let last = 0;
  for (const page of frames) {
    const folio = host.frames.folio(page);
    if (folio === last || !folioTestLru(host.frames, folio)) continue;
    last = folio;
    const young = damonPaYoung(host, folio);
    if (young) damonPaMkold(host, folio);
    if (!isLetThrough(young === scheme.matching, scheme) || scheme.action === "stat") continue;
    if (scheme.action === "pageout") host.frames.mark(folio, 0, PageFlag.referenced | PageFlag.young);
    if (isolateLru(host, folio)) isolated.push(folio);
  }
  if (scheme.action === "pageout") reclaimPages(host, isolated);
  else migrateTo(host, isolated, scheme.targetNid);
}

/** damon_migrate_pages(): without waiting, and not to a node that they are on, or that is not there. */
function migrateTo(host: Host, isolated: readonly Pfn[], node: Node): void {
  for (const folio of isolated) {
    if (node < host.nodes && host.frames.nodeOf(folio) !== node) migratePage(host, folio, node);
    else putbackLru(host, folio);
  }
}

nameFunctions({
  damon_va_apply_scheme: damosVa,
  damos_va_stat_pmd_entry: walkPmd,
  damos_va_filter_young_match: vaFilterYoungMatch,
  damon_pa_apply_scheme: damosPa,
  damon_migrate_pages: migrateTo,
});

import { entryEnd, type Hva, isPageAligned, PAGE_SIZE, PMD_SIZE, PUD_SIZE } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import { leafAt } from "../leaf.js";
import type { Mm } from "../mm.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { ENTRY_SIZE, type Table } from "../page-table.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import type { Task } from "../task.js";
import { splitHugePmd } from "../thp/split-pmd.js";
import { isUffdWp, makeUffdWp } from "../userfaultfd/change-entry.js";
import { isWpAsync, usesMarkers } from "../userfaultfd/context.js";
import { uffdWpRange } from "../userfaultfd/wp-range.js";
import { type Vma, VmFlag } from "../vma.js";

/** PAGE_IS_* */
export const PageIs = {
  wpAllowed: 1,
  written: 2,
  file: 4,
  present: 8,
  swapped: 0x10,
  pfnZero: 0x20,
  huge: 0x40,
  softDirty: 0x80,
  guard: 0x100,
} as const;

/** PM_SCAN_* */
export const PmScan = { wpMatching: 1, checkWpAsync: 2 } as const;

export interface PagemapScanArgs {
  readonly start: Hva;
  /** Bytes. */
  readonly length: number;
  /** {@link PmScan} */
  readonly flags: number;
  /** {@link PageIs}: all of these a page must be. */
  readonly categoryMask: number;
  /** {@link PageIs}: what is told of it. */
  readonly returnMask: number;
  /** Ranges that fit into the caller's vector; 0: none is wanted. */
  readonly vecLen: number;
}

interface Region {
  readonly start: Hva;
  end: Hva;
  readonly categories: number;
}

const ALL = Object.values<number>(PageIs).reduce((all, bit) => all | bit, 0);
const FULL = Symbol("ENOSPC");

/** PAGEMAP_SCAN on /proc/PID/pagemap: do_pagemap_scan(). @returns ranges found */
export function pagemapScan(task: Task, args: PagemapScanArgs): Result<number> {
  const fn = "pagemap_scan_get_args";
  const { mm } = task;
  const { start, length, flags } = args;
  if ((flags & ~(PmScan.wpMatching | PmScan.checkWpAsync)) !== 0)
    return refuse("EINVAL", fn, `flags ${hex(flags)}`);
  if (((args.categoryMask | args.returnMask) & ~ALL) !== 0)
    return refuse("EINVAL", fn, "categories have unknown bits");
  if (!isPageAligned(start)) return refuse("EINVAL", fn, `address ${hex(start)} is not page-aligned`);
  const end = start + length + ((PAGE_SIZE - (length % PAGE_SIZE)) % PAGE_SIZE);
  mm.mmapLock.readLock();
  const wp = (flags & PmScan.wpMatching) !== 0;
  const range = wp ? invalidateRangeStart(mm, start, end, "PROTECTION_VMA", "do_pagemap_scan") : null;
  const regions: Region[] = [];
  let stopped: Refusal | typeof FULL | undefined;
  for (const vma of mm.vmas.overlapping(start, end)) {
    const { start: first, end: last } = vma.fields;
    stopped = scanVma(vma, Math.max(start, first), Math.min(end, last), args, regions);
    if (stopped !== undefined) break;
  }
  if (range !== null) invalidateRangeEnd(mm, range);
  mm.mmapLock.readUnlock();
  return stopped === undefined || stopped === FULL ? regions.length : (stopped as Refusal);
}

/** pagemap_scan_test_walk(), and the walk of one mapping */
function scanVma(
  vma: Vma,
  start: Hva,
  end: Hva,
  args: PagemapScanArgs,
  regions: Region[],
): Refusal | typeof FULL | undefined {
  const { mm, fields } = vma;
  const wpAllowed = isWpAsync(fields) && usesMarkers(fields);
  if (!wpAllowed) {
    if ((args.flags & PmScan.checkWpAsync) !== 0) {
      return refuse(
        "EPERM",
        "pagemap_scan_test_walk",
        `the mapping at ${hex(fields.start)} is not write-protected asynchronously`,
      );
    }
    if ((args.flags & PmScan.wpMatching) !== 0) return undefined;
  }
  if ((fields.flags & VmFlag.pfnmap) !== 0) return undefined;
  const own = wpAllowed ? PageIs.wpAllowed : 0;
  if ((args.categoryMask & PageIs.wpAllowed & ~own) !== 0) return undefined;
  for (let at = start; at < end; ) {
    const hole = holeEnd(mm, at, end);
    const next = hole > at ? hole : entryEnd(at, PMD_SIZE, end);
    const full =
      hole > at ? scanHole(vma, at, next, own, args, regions) : scanPmd(vma, at, next, own, args, regions);
    if (full) return FULL;
    at = next;
  }
  return undefined;
}

/** End of what no table maps from `at` on, or `at` where there is one. */
function holeEnd(mm: Mm, at: Hva, end: Hva): Hva {
  const pmds = mm.pmd(at);
  if (pmds === null) return entryEnd(at, PUD_SIZE, end);
  const index = pmds.indexOf(at);
  return pmds.child(index) === null && pmds.get(index) === 0 ? entryEnd(at, PMD_SIZE, end) : at;
}

/** pagemap_scan_pte_hole(). @returns is the vector full? */
function scanHole(
  vma: Vma,
  start: Hva,
  end: Hva,
  own: number,
  args: PagemapScanArgs,
  regions: Region[],
): boolean {
  const { flags } = vma.fields;
  const categories =
    own | ((flags & VmFlag.uffdWp) !== 0 && (flags & VmFlag.hugetlb) === 0 ? PageIs.written : 0);
  if (!isInteresting(categories, args)) return false;
  if (!output(regions, start, end, categories, args)) return true;
  if ((args.flags & PmScan.wpMatching) !== 0) uffdWpRange(vma, start, end, true);
  return false;
}

/** pagemap_scan_pmd_entry(), pagemap_scan_thp_entry(). @returns is the vector full? */
function scanPmd(
  vma: Vma,
  start: Hva,
  end: Hva,
  own: number,
  args: PagemapScanArgs,
  regions: Region[],
): boolean {
  const { mm } = vma;
  const wp = (args.flags & PmScan.wpMatching) !== 0;
  const huge = leafAt(mm, start);
  if (huge !== null && huge.table.level > 0) {
    const categories = own | categoriesOf(vma, huge.pte) | PageIs.huge;
    if (!isInteresting(categories, args)) return false;
    const protects = wp && !isUffdWp(huge.pte);
    if (protects && end - start < ENTRY_SIZE[huge.table.level]) splitHugePmd(vma, start);
    else {
      if (!output(regions, start, end, categories, args)) return true;
      if (protects) protect(vma, huge.table, huge.index);
      return false;
    }
  }
  const table = mm.pteTable(start)!;
  for (let at = start; at < end; at += PAGE_SIZE) {
    const index = table.indexOf(at);
    const pte = table.get(index);
    const categories = own | categoriesOf(vma, pte);
    if (!isInteresting(categories, args)) continue;
    if (!output(regions, at, at + PAGE_SIZE, categories, args)) return true;
    if (wp && (categories & PageIs.written) !== 0) protect(vma, table, index);
  }
  return false;
}

function protect({ mm }: Vma, table: Table, index: number): void {
  mm.pageTableLock.lock();
  table.set(index, makeUffdWp(table.get(index)));
  mm.pageTableLock.unlock();
}

/** pagemap_page_category() */
function categoriesOf({ mm }: Vma, pte: Pte): number {
  if (pte === 0) return PageIs.written;
  const written = isUffdWp(pte) ? 0 : PageIs.written;
  if (!ptePresent(pte)) {
    const guard = pteHas(pte, PteFlag.marker) && pteHas(pte, PteFlag.guard) ? PageIs.guard : 0;
    return PageIs.swapped | written | guard;
  }
  if (pteHas(pte, PteFlag.special)) return PageIs.present | written | PageIs.pfnZero;
  return PageIs.present | written | (mm.host.frames.test(ptePfn(pte), PageFlag.anon) ? 0 : PageIs.file);
}

/** pagemap_scan_is_interesting_page() */
function isInteresting(categories: number, { categoryMask }: PagemapScanArgs): boolean {
  return (categories & categoryMask) === categoryMask;
}

/** pagemap_scan_output(): adjacent ranges that are alike are one. @returns false when it does not fit any more */
function output(
  regions: Region[],
  start: Hva,
  end: Hva,
  found: number,
  { returnMask, vecLen }: PagemapScanArgs,
): boolean {
  if (vecLen === 0) return true;
  const categories = found & returnMask;
  if (categories === 0) return true;
  const last = regions[regions.length - 1];
  if (last !== undefined && last.end === start && last.categories === categories) last.end = end;
  else if (regions.length === vecLen) return false;
  else regions.push({ start, end, categories });
  return true;
}

import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import { hex, isRefusal, type Refusal, type Result, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { filemapLockFolio } from "../filemap.js";
import { allocHugetlbFolio, restoreReserve } from "../hugetlb/alloc.js";
import { hugetlbAddToPageCache } from "../hugetlb/file.js";
import { makeHugePte } from "../hugetlb/huge-pte.js";
import { hstateOf, hugetlbInfo } from "../hugetlb/hugetlb-info.js";
import { hugetlbAddNewAnonRmap, hugetlbAddRmap } from "../hugetlb/rmap.js";
import { hugePteAlloc } from "../hugetlb/walk.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { PteFlag, pteChange } from "../pte.js";
import { type Vma, VmFlag } from "../vma.js";
import { wordWithFaults, wordWithoutFaults } from "./copy-source.js";
import { isUffdMarker, POISONED_MARKER } from "./marker.js";
import { type Filled, type Mfill, mfillVma } from "./mfill-state.js";

/** mfill_atomic_hugetlb(): the same in huge pages. With mmap_lock, which it drops. */
export function mfillAtomicHugetlb(fill: Mfill, base: Vma): Filled {
  const fn = "mfill_atomic_hugetlb";
  const { mm } = fill.ctx;
  const { size } = hstateOf(base.fields);
  let refusal: Refusal | undefined;
  if (fill.mode === "zeropage") refusal = refuse("EINVAL", fn, "there is no huge zero page of hugetlb");
  else if (fill.start % size !== 0 || fill.length % size !== 0)
    refusal = refuse(
      "EINVAL",
      fn,
      `${hex(fill.start)}, ${hex(fill.length)} are not aligned to the huge pages`,
    );
  let vma = base;
  let bytes = 0;
  while (refusal === undefined && bytes < fill.length) {
    const filled = fillHugePage(fill, vma, fill.start + bytes, fill.source + bytes);
    if (isRefusal(filled)) refusal = filled;
    else {
      vma = filled;
      bytes += size;
    }
  }
  mm.mmapLock.readUnlock();
  return refusal === undefined ? { bytes } : { bytes, refusal };
}

/** What is copied: the first word of each small page; null: reading it takes a fault. */
function sourceWords(
  { source, task }: { readonly source: Hva; readonly task: Mfill["task"] },
  size: number,
): readonly number[] | null {
  const words: number[] = [];
  for (let at = source; at < source + size; at += PAGE_SIZE) {
    const word = wordWithoutFaults(task, at);
    if (word === null) return null;
    words.push(word);
  }
  return words;
}

/** One huge page. @returns the mapping, which may be another object when mmap_lock was dropped */
function fillHugePage(fill: Mfill, base: Vma, at: Hva, source: Hva): Result<Vma> {
  const { size } = hstateOf(base.fields);
  if (fill.mode !== "copy") return fillLocked(fill, base, at, []);
  const words = sourceWords({ source, task: fill.task }, size);
  if (words !== null) return fillLocked(fill, base, at, words);
  // hugetlb_mfill_atomic_pte() gives -ENOENT: copied without mmap_lock, into a page of its own, and tried again.
  const { mm } = fill.ctx;
  mm.mmapLock.readUnlock();
  const copied: number[] = [];
  let refused: Refusal | undefined;
  for (let offset = 0; refused === undefined && offset < size; offset += PAGE_SIZE) {
    const word = wordWithFaults(fill.task, source + offset);
    if (isRefusal(word)) refused = word;
    else copied.push(word);
  }
  mm.mmapLock.readLock();
  if (refused !== undefined) return refused;
  const vma = mfillVma(fill);
  if (isRefusal(vma)) return vma;
  if ((vma.fields.flags & VmFlag.hugetlb) === 0 || hstateOf(vma.fields).size !== size)
    return refuse("ENOENT", "mfill_atomic_hugetlb", "the mapping changed meanwhile");
  return fillLocked(fill, vma, at, copied);
}

/** The body of the loop of mfill_atomic_hugetlb(): under the fault mutex. */
function fillLocked(fill: Mfill, vma: Vma, at: Hva, words: readonly number[]): Result<Vma> {
  const { faultMutex } = hugetlbInfo(vma.fields.file!);
  faultMutex.lock();
  const refused = hugetlbMfillAtomicPte(fill, vma, at, words);
  faultMutex.unlock();
  return refused ?? vma;
}

/** hugetlb_mfill_atomic_pte() */
function hugetlbMfillAtomicPte(
  fill: Mfill,
  vma: Vma,
  at: Hva,
  words: readonly number[],
): Refusal | undefined {
  const fn = "hugetlb_mfill_atomic_pte";
  const { mm, fields } = vma;
  const { frames } = mm.host;
  const table = hugePteAlloc(mm, at, hstateOf(fields));
  const index = table.indexOf(at);
  const occupied = () => refuse("EEXIST", fn, `something is mapped at ${hex(at)}`);
  if (fill.mode === "poison") {
    mm.pageTableLock.lock();
    const isFree = table.get(index) === 0;
    if (isFree) table.set(index, POISONED_MARKER);
    mm.pageTableLock.unlock();
    return isFree ? undefined : occupied();
  }
  if (fill.mode === "copy" && !isFillable(table, index)) return occupied();
  const page = fill.mode === "continue" ? cachedPage(vma, at) : newPage(fill, vma, at, words);
  if (typeof page !== "number") return page;
  const inCache = frames.mapping(page) !== null;
  const isShared = (fields.flags & VmFlag.shared) !== 0;
  mm.pageTableLock.lock();
  let refused: Refusal | undefined;
  if (frames.test(page, PageFlag.hwpoison)) refused = refuse("EIO", fn, "the page of the file is poisoned");
  else if (!isFillable(table, index)) refused = occupied();
  else {
    if (inCache) hugetlbAddRmap(frames, page);
    else hugetlbAddNewAnonRmap(vma, page, pgoffOf(fields, at));
    const writable = !fill.writeProtect && (isShared || fill.mode === "copy");
    const wp = fill.writeProtect ? PteFlag.uffdWp : 0;
    table.set(index, pteChange(makeHugePte(fields, page, writable), PteFlag.dirty | wp, 0));
  }
  mm.pageTableLock.unlock();
  if (inCache) frames.unlock(page);
  if (refused === undefined) {
    // folio_set_hugetlb_migratable()
    frames.mark(page, PageFlag.lru);
    return undefined;
  }
  if (!inCache) restoreReserve(vma, at, page);
  frames.put(page);
  return refused;
}

function isFillable(table: Table, index: number): boolean {
  const pte = table.get(index);
  return pte === 0 || isUffdMarker(pte);
}

/** filemap_lock_hugetlb_folio() */
function cachedPage({ fields }: Vma, at: Hva): Pfn | Refusal {
  const page = filemapLockFolio(fields.file!.inode!, pgoffOf(fields, at));
  return page ?? refuse("EFAULT", "hugetlb_mfill_atomic_pte", `the file has no page for ${hex(at)}`);
}

/** alloc_hugetlb_folio(), copy_folio_from_user(); of a shared mapping, into the file, and locked. */
function newPage({ task }: Mfill, vma: Vma, at: Hva, words: readonly number[]): Pfn | Refusal {
  const fn = "hugetlb_mfill_atomic_pte";
  const { fields, mm } = vma;
  const { frames } = mm.host;
  const { inode } = fields.file!;
  const pgoff = pgoffOf(fields, at);
  const isShared = (fields.flags & VmFlag.shared) !== 0;
  if (isShared && inode!.pages.get(pgoff) !== 0)
    return refuse("EEXIST", fn, `the file has a page for ${hex(at)}`);
  const page = allocHugetlbFolio(task, vma, at, false);
  if (page === null)
    return refuse("ENOMEM", fn, "no huge page is free that is not promised to somebody else");
  for (const [offset, word] of words.entries()) frames.word.set(page + offset, word);
  frames.mark(page, PageFlag.uptodate);
  if (!isShared) return page;
  if (pgoff * PAGE_SIZE + hstateOf(fields).size > inode!.size.get()) {
    restoreReserve(vma, at, page);
    frames.put(page);
    return refuse("EFAULT", fn, `${hex(at)} is beyond the end of the file`);
  }
  frames.lock(page);
  hugetlbAddToPageCache(inode!, pgoff, page);
  return page;
}

import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import { PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { pgoffOf } from "../file.js";
import type { Frames } from "../frames.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag } from "../pte.js";
import { addNewAnonRmap, addRmap, anonVmaPrepare } from "../rmap.js";
import { doSetPmd, mapWholeFolio } from "../thp/file.js";
import { VmFlag } from "../vma.js";
import { allocAnonFolio } from "./anonymous.js";
import type { Fault, FaultError } from "./fault.js";
import { inherit } from "./userfaultfd.js";

/** fault_around_bytes: how much of the page cache a read fault maps at once. */
const FAULT_AROUND = 65536;

/** do_fault(): nothing is mapped yet at an address of a file. */
export function doFault(fault: Fault): FaultError | null {
  if (!fault.write) return doReadFault(fault);
  return (fault.fields.flags & VmFlag.shared) === 0 ? doCowFault(fault) : doSharedFault(fault);
}

function askFile(fault: Fault): Pfn | FaultError {
  const { file } = fault.fields;
  const outcome = file!.ops.fault === undefined ? "SIGBUS" : file!.ops.fault(file!, fault);
  return typeof outcome === "string" ? outcome : outcome.pfn;
}

/** do_read_fault() */
function doReadFault(fault: Fault): FaultError | null {
  // should_fault_around(): not where a userfaultfd wants to be asked for each page.
  const { fields } = fault;
  const around =
    fields.file!.ops.mapsAround === true && (fields.flags & (VmFlag.uffdWp | VmFlag.uffdMinor)) === 0;
  if (around && mapAround(fault)) return null;
  const got = askFile(fault);
  if (typeof got === "string") return got;
  finishFault(fault, got);
  return null;
}

/** do_shared_fault() */
function doSharedFault(fault: Fault): FaultError | null {
  const got = askFile(fault);
  if (typeof got === "string") return got;
  fault.vma.mm.host.frames.mark(got, PageFlag.dirty);
  finishFault(fault, got);
  return null;
}

/** do_cow_fault(): the first access to a private mapping of a file is a write: a copy at once. */
function doCowFault(fault: Fault): FaultError | null {
  const { frames } = fault.vma.mm.host;
  anonVmaPrepare(fault.vma);
  const copy = allocAnonFolio(fault);
  if (copy === null) return "OOM";
  const got = askFile(fault);
  if (typeof got === "string") {
    frames.put(copy);
    return got;
  }
  frames.word.set(copy, frames.word.get(got));
  const won = finishCow(fault, copy);
  // Locked until here, so that truncation finds either the page of the file or the copy.
  frames.unlock(got);
  frames.put(got);
  if (!won) frames.put(copy);
  return null;
}

/** finish_fault() of a private copy. @returns was nothing mapped meanwhile? */
function finishCow(fault: Fault, copy: Pfn): boolean {
  const { mm } = fault.vma;
  const table = mm.tryAllocPte(fault.address);
  if (table === null) return false;
  const index = table.indexOf(fault.address);
  mm.pageTableLock.lock();
  const won = isUnchanged(fault, table);
  if (won) {
    addNewAnonRmap(fault.task, copy, fault.vma, fault.pgoff);
    const flags = pageProt(fault.fields) | maybeWrite(fault.fields) | PteFlag.dirty | PteFlag.young;
    table.set(index, inherit(fault, mkPte(copy, flags)));
  }
  mm.pageTableLock.unlock();
  return won;
}

/** pte_offset_map_lock(), vmf_pte_changed(): the table is still the one of the address, and nothing new stands in it. */
function isUnchanged({ vma, address, marker }: Fault, table: Table): boolean {
  return vma.mm.pteTable(address) === table && table.get(table.indexOf(address)) === (marker ?? 0);
}

/**
 * finish_fault(): maps the page of the file, which keeps the reference, and unlocks it; where it is part of a huge page,
 * all of that if it can be.
 */
function finishFault(fault: Fault, pfn: Pfn): void {
  const { vma, fields, address, write } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  if (frames.order(pfn) !== 0 && (doSetPmd(fault, pfn) || mapWholeFolio(fault, pfn))) {
    frames.unlock(pfn);
    return;
  }
  const table = mm.tryAllocPte(address);
  if (table === null) {
    frames.unlock(pfn);
    frames.put(pfn);
    return;
  }
  const index = table.indexOf(address);
  mm.pageTableLock.lock();
  const won = isUnchanged(fault, table);
  if (won) {
    addRmap(frames, pfn, mm);
    const dirty = write ? maybeWrite(fields) | PteFlag.dirty : 0;
    table.set(index, inherit(fault, mkPte(pfn, pageProt(fields) | dirty | PteFlag.young)));
  }
  mm.pageTableLock.unlock();
  frames.unlock(pfn);
  if (!won) frames.put(pfn);
}

/** do_fault_around(), filemap_map_pages(): maps what is cached around the address. @returns was the address itself? */
function mapAround(fault: Fault): boolean {
  const { vma, fields, address } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  const { inode } = fields.file!;
  const pmdStart = address - (address % PMD_SIZE);
  const from = Math.max(fields.start, pmdStart, address - (address % FAULT_AROUND));
  const to = Math.min(fields.end, pmdStart + PMD_SIZE, address - (address % FAULT_AROUND) + FAULT_AROUND);
  const first = pgoffOf(fields, from);
  const last = first + (to - from) / PAGE_SIZE;
  let found = inode!.pages.next(first, last);
  if (found < 0) return false;
  if (mapPmdAround(fault, inode!.pages.get(found))) return true;
  const table = mm.tryAllocPte(address);
  if (table === null) return true;
  let hit = false;
  mm.pageTableLock.lock();
  // pte_offset_map_lock(): retract_page_tables() may have taken the table away.
  if (mm.pteTable(address) !== table) found = -1;
  for (; found >= 0; found = inode!.pages.next(found + 1, last)) {
    const at = from + (found - first) * PAGE_SIZE;
    const index = table.indexOf(at);
    const pfn = inode!.pages.get(found);
    if (!canMapAround(frames, pfn) || table.get(index) !== 0) continue;
    if (!frames.tryGet(pfn)) continue;
    addRmap(frames, pfn, mm);
    table.set(index, mkPte(pfn, pageProt(fields) | (at === address ? PteFlag.young : 0)));
    if (at === address) hit = true;
  }
  mm.pageTableLock.unlock();
  return hit;
}

/** next_uptodate_folio() */
function canMapAround(frames: Frames, pfn: Pfn): boolean {
  return frames.test(pfn, PageFlag.uptodate) && !frames.test(pfn, PageFlag.hwpoison | PageFlag.locked);
}

/** filemap_map_pmd() of the first page that is cached around the address. */
function mapPmdAround(fault: Fault, pfn: Pfn): boolean {
  const { frames } = fault.vma.mm.host;
  if (frames.order(pfn) === 0 || !canMapAround(frames, pfn) || !frames.tryGet(pfn)) return false;
  const maps = doSetPmd({ ...fault, write: false }, pfn);
  if (!maps) frames.put(pfn);
  return maps;
}

nameFunctions({
  do_fault: doFault,
  do_read_fault: doReadFault,
  do_shared_fault: doSharedFault,
  do_cow_fault: doCowFault,
  finish_fault: [finishFault, finishCow],
  do_fault_around: mapAround,
  next_uptodate_folio: canMapAround,
  filemap_map_pmd: mapPmdAround,
});

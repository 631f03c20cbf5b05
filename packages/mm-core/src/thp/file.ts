import type { Pfn } from "../addresses.js";
import type { Fault } from "../fault/fault.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag } from "../pte.js";
import { addRmap, addRmapPmd } from "../rmap.js";
import { UFFD_FLAGS } from "../userfaultfd/context.js";
import { VmFlag } from "../vma.js";
import { thpVmaSuitable } from "./allowable.js";

/** What of a fault decides how a file's page is mapped. */
type FileFault = Pick<Fault, "vma" | "fields" | "address" | "write">;

/**
 * do_set_pmd(): one entry for all of the huge page of a file that `page` is part of, if the mapping holds all of it and there
 * is no table of PTEs. The entry takes over the caller's reference.
 */
export function doSetPmd(fault: FileFault, page: Pfn): boolean {
  const { vma, fields, address } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  const folio = frames.folio(page);
  if ((fields.flags & VmFlag.nohugepage) !== 0 || !thpVmaSuitable(fields, address)) return false;
  const pmds = mm.allocPmd(address);
  const index = pmds.indexOf(address);
  mm.pageTableLock.lock();
  const isNone = pmds.get(index) === 0 && pmds.child(index) === null;
  if (isNone) {
    addRmapPmd(frames, folio, mm);
    pmds.set(index, mkPte(folio, entryFlags(fault) | PteFlag.leaf));
  }
  mm.pageTableLock.unlock();
  return isNone;
}

/**
 * finish_fault(), where a table of PTEs stands: an entry for each page of the huge one, if the mapping holds all of them and
 * none is mapped yet. The entries take over the caller's reference.
 */
export function mapWholeFolio(fault: Fault, page: Pfn): boolean {
  const { vma, fields, address } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  const folio = frames.folio(page);
  const size = frames.pagesOf(folio);
  const table = mm.tryAllocPte(address);
  // userfaultfd_armed()
  const isArmed = (fields.flags & UFFD_FLAGS) !== 0;
  if (table === null || isArmed || !thpVmaSuitable(fields, address)) return false;
  mm.pageTableLock.lock();
  let isNone = true;
  for (let index = 0; index < size && isNone; index++) isNone = table.get(index) === 0;
  if (isNone) {
    frames.getMany(folio, size - 1);
    addRmap(frames, folio, mm, size);
    for (let index = 0; index < size; index++) table.set(index, mkPte(folio + index, entryFlags(fault)));
  }
  mm.pageTableLock.unlock();
  return isNone;
}

function entryFlags({ fields, write }: FileFault): number {
  return pageProt(fields) | PteFlag.young | (write ? maybeWrite(fields) | PteFlag.dirty : 0);
}

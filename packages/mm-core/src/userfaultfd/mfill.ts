import { type Hva, PAGE_SIZE, type Pfn, pages } from "../addresses.js";
import { hex, isRefusal, type Refusal, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { placement, vmaPolicy } from "../mempolicy.js";
import { PageFlag } from "../page-flags.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, type Pte, PteFlag, pteChange } from "../pte.js";
import { addNewAnonRmap, addRmap } from "../rmap.js";
import type { Task } from "../task.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";
import { wordWithFaults, wordWithoutFaults } from "./copy-source.js";
import { isUffdMarker, POISONED_MARKER } from "./marker.js";
import { mfillAtomicHugetlb } from "./mfill-hugetlb.js";
import { type Filled, type Mfill, mfillVma } from "./mfill-state.js";

/** mfill_atomic(): fills `[start, start + length)`, page by page, as far as it can. */
export function mfillAtomic(fill: Mfill): Filled {
  const { mm } = fill.ctx;
  mm.mmapLock.readLock();
  const vma = mfillVma(fill);
  if (isRefusal(vma)) {
    mm.mmapLock.readUnlock();
    return { bytes: 0, refusal: vma };
  }
  if ((vma.fields.flags & VmFlag.hugetlb) !== 0) return mfillAtomicHugetlb(fill, vma);
  let present: Vma = vma;
  let bytes = 0;
  let refusal: Refusal | undefined;
  while (bytes < fill.length && refusal === undefined) {
    const filled = fillPage(fill, present, fill.start + bytes, fill.source + bytes);
    if (isRefusal(filled)) refusal = filled;
    else {
      present = filled;
      bytes += PAGE_SIZE;
    }
  }
  mm.mmapLock.readUnlock();
  return refusal === undefined ? { bytes } : { bytes, refusal };
}

/** The body of mfill_atomic()'s loop. @returns the mapping, which may be another object when mmap_lock was dropped */
function fillPage(fill: Mfill, vma: Vma, at: Hva, source: Hva): Vma | Refusal {
  const established = establishPmd(vma, at);
  if (established !== undefined) return established;
  switch (fill.mode) {
    case "continue":
      return fillContinue(fill, vma, at) ?? vma;
    case "poison":
      return setEmpty(vma, at, POISONED_MARKER, "mfill_atomic_pte_poison") ?? vma;
    case "zeropage": {
      const { fields, mm } = vma;
      if ((fields.flags & VmFlag.shared) !== 0) return fillNew(fill, vma, at, null) ?? vma;
      const zero = mkPte(mm.host.zeroPfn, pageProt(fields) | PteFlag.special | PteFlag.young);
      return setEmpty(vma, at, zero, "mfill_atomic_pte_zeropage") ?? vma;
    }
    case "copy":
      return fillNew(fill, vma, at, source) ?? vma;
  }
}

/** mfill_establish_pmd() */
function establishPmd({ mm }: Vma, at: Hva): Refusal | undefined {
  if (mm.tryAllocPte(at) !== null) return undefined;
  return refuse("EEXIST", "mfill_establish_pmd", `a huge page is mapped at ${hex(at)}`);
}

/** mfill_file_over_size() */
function isOverSize(vma: Vma, at: Hva): boolean {
  const { fields } = vma;
  return fields.file !== null && pgoffOf(fields, at) >= Math.ceil(fields.file.inode!.size.get() / PAGE_SIZE);
}

/** mfill_atomic_pte_zeropage(), mfill_atomic_pte_poison(): an entry that stands for no page, where nothing is at all. */
function setEmpty(vma: Vma, at: Hva, entry: Pte, fn: string): Refusal | undefined {
  const { mm } = vma;
  const table = mm.allocPte(at);
  const index = table.indexOf(at);
  mm.pageTableLock.lock();
  const refused = isOverSize(vma, at)
    ? refuse("EFAULT", fn, `${hex(at)} is beyond the end of the file`)
    : table.get(index) === 0
      ? undefined
      : refuse("EEXIST", fn, `something is mapped at ${hex(at)}`);
  if (refused === undefined) table.set(index, entry);
  mm.pageTableLock.unlock();
  return refused;
}

/** mfill_atomic_pte_continue(): maps the page that the file has. */
function fillContinue(fill: Mfill, vma: Vma, at: Hva): Refusal | undefined {
  const fn = "mfill_atomic_pte_continue";
  const { fields, mm } = vma;
  const { frames } = mm.host;
  const file = fields.file!;
  const index = pgoffOf(fields, at);
  const pfn = file.ops.uffdOps!.getFolioNoalloc(fill.task, file, index);
  if (pfn === null) return refuse("EFAULT", fn, `the file has no page at ${hex(index * PAGE_SIZE)}`);
  const refused = frames.test(pfn, PageFlag.hwpoison)
    ? refuse("EIO", fn, `the page at ${hex(index * PAGE_SIZE)} of the file is poisoned`)
    : installPte(fill, vma, at, pfn);
  if (refused !== undefined) {
    frames.unlock(pfn);
    frames.put(pfn);
  }
  return refused;
}

/**
 * __mfill_atomic_pte(): a new page, of the file for a shared mapping.
 * @param source where its contents are copied from; null: zeros
 * @returns the mapping when it had to be looked up again, or why not
 */
function fillNew(fill: Mfill, base: Vma, at: Hva, source: Hva | null): Vma | Refusal | undefined {
  const { task } = fill;
  const { frames } = task.process.host;
  let vma = base;
  const file = (vma.fields.flags & VmFlag.shared) === 0 ? null : vma.fields.file;
  const index = pgoffOf(vma.fields, at);
  const pfn = file === null ? allocAnon(task, vma, at) : file.ops.uffdOps!.allocFolio(task, file, index);
  if (pfn === null) return refuse("ENOMEM", "__mfill_atomic_pte", `no page is to be had for ${hex(at)}`);
  if (source !== null) {
    const copied = copyFromUser(fill, vma, at, source);
    if (isRefusal(copied)) {
      frames.put(pfn);
      return copied;
    }
    vma = copied.vma;
    frames.word.set(pfn, copied.word);
  }
  frames.mark(pfn, PageFlag.uptodate);
  if (file !== null && !file.ops.uffdOps!.filemapAdd(task, file, index, pfn)) {
    frames.put(pfn);
    return refuse("EEXIST", "shmem_mfill_filemap_add", `the file has a page at ${hex(index * PAGE_SIZE)}`);
  }
  const refused = installPte(fill, vma, at, pfn);
  if (refused === undefined) return vma;
  if (file !== null) file.ops.uffdOps!.filemapRemove(file, index, pfn);
  frames.put(pfn);
  return refused;
}

/** anon_alloc_folio() */
function allocAnon(task: Task, vma: Vma, at: Hva): Pfn | null {
  const { node, allowed } = placement(vmaPolicy(task, vma, at), task.node, pgoffOf(vma.fields, at));
  return task.process.host.frames.alloc(node, allowed);
}

/**
 * mfill_copy_folio_locked(), mfill_copy_folio_retry(): what the source holds. Where that takes a fault mmap_lock is
 * dropped meanwhile, and the mapping must be the same afterwards.
 */
function copyFromUser(
  fill: Mfill,
  vma: Vma,
  at: Hva,
  source: Hva,
): { readonly word: number; readonly vma: Vma } | Refusal {
  const { mm } = fill.ctx;
  const word = wordWithoutFaults(fill.task, source);
  if (word !== null) return { word, vma };
  const { flags, file, pgoff, start } = vma.fields;
  mm.mmapLock.readUnlock();
  const faulted = wordWithFaults(fill.task, source);
  mm.mmapLock.readLock();
  if (isRefusal(faulted)) return faulted;
  const now = mfillVma(fill);
  if (isRefusal(now)) return now;
  const { fields } = now;
  const watched = VmFlag.uffdMissing | VmFlag.uffdMinor | VmFlag.uffdWp | VmFlag.shared;
  const sameFile =
    fields.file === file &&
    (isAnonymous(fields) || fields.pgoff - pages(fields.start) === pgoff - pages(start));
  if (!sameFile || (fields.flags & watched) !== (flags & watched))
    return refuse("EAGAIN", "mfill_copy_folio_retry", "the mapping changed meanwhile");
  return establishPmd(now, at) ?? { word: faulted, vma: now };
}

/** mfill_atomic_install_pte(): maps a page where nothing is mapped; the entry takes the reference. Unlocks a file's. */
function installPte({ task, writeProtect }: Mfill, vma: Vma, at: Hva, pfn: Pfn): Refusal | undefined {
  const fn = "mfill_atomic_install_pte";
  const { mm, fields } = vma;
  const { frames } = mm.host;
  const table = mm.allocPte(at);
  const index = table.indexOf(at);
  const inCache = frames.mapping(pfn) !== null;
  mm.pageTableLock.lock();
  const old = table.get(index);
  let refused: Refusal | undefined;
  if (isOverSize(vma, at)) refused = refuse("EFAULT", fn, `${hex(at)} is beyond the end of the file`);
  else if (old !== 0 && !isUffdMarker(old))
    refused = refuse("EEXIST", fn, `something is mapped at ${hex(at)}`);
  else {
    const isWritable = !inCache || (fields.flags & VmFlag.shared) !== 0;
    const flags = pageProt(fields) | PteFlag.dirty | PteFlag.young | (isWritable ? maybeWrite(fields) : 0);
    if (inCache) addRmap(frames, pfn, mm);
    else addNewAnonRmap(task, pfn, vma, pgoffOf(fields, at));
    const entry = mkPte(pfn, flags);
    table.set(index, writeProtect ? pteChange(entry, PteFlag.uffdWp, PteFlag.write) : entry);
  }
  mm.pageTableLock.unlock();
  if (inCache && refused === undefined) frames.unlock(pfn);
  return refused;
}

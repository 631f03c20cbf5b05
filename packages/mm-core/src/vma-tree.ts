import { type Hva, type Pgoff, pages } from "./addresses.js";
import { pgoffOf } from "./file.js";
import type { Mm } from "./mm.js";
import { Vma, type VmaFields } from "./vma.js";

/** Page offset at which a mapping stands in the reverse maps of its anonymous pages. */
function endPgoff(fields: VmaFields): Pgoff {
  return fields.pgoff + pages(fields.end - fields.start);
}

/** vma_link(): into the tree of the mm and the reverse map of its file. Under mmap_lock held for writing. */
export function linkVma(vma: Vma): void {
  const { fields, mm } = vma;
  mm.vmas.set(fields.start, fields.end, vma);
  linkFile(vma, fields);
}

function linkFile(vma: Vma, fields: VmaFields): void {
  const inode = fields.file?.inode;
  if (inode == null) return;
  inode.mappingsLock.writeLock();
  inode.mappings.set(fields.pgoff, endPgoff(fields), vma, vma.id);
  inode.mappingsLock.writeUnlock();
}

/** unlink_file_vma(), unlink_anon_vmas(): no reverse walk finds the mapping any more. */
export function unlinkReverse(vma: Vma): void {
  const { fields } = vma;
  const inode = fields.file?.inode;
  if (inode != null) {
    inode.mappingsLock.writeLock();
    inode.mappings.delete(fields.pgoff, vma.id);
    inode.mappingsLock.writeUnlock();
  }
  const anon = vma.anonVma.get();
  if (anon !== null) {
    anon.lock.writeLock();
    anon.mappings.delete(fields.pgoff, vma.id);
    anon.lock.writeUnlock();
  }
}

function linkReverse(vma: Vma): void {
  const { fields } = vma;
  linkFile(vma, fields);
  linkAnon(vma);
}

/** anon_vma_chain_link() */
export function linkAnon(vma: Vma): void {
  const anon = vma.anonVma.get();
  if (anon === null) return;
  const { fields } = vma;
  anon.lock.writeLock();
  anon.mappings.set(fields.pgoff, endPgoff(fields), vma, vma.id);
  anon.lock.writeUnlock();
}

/**
 * __split_vma(): cuts a mapping in two at a page boundary inside it. Under mmap_lock held for writing.
 * @returns the upper part; `vma` is the lower one
 */
export function splitVma(vma: Vma, at: Hva): Vma {
  const { fields, mm } = vma;
  const upperFields: VmaFields = { ...fields, start: at, pgoff: pgoffOf(fields, at) };
  const upper = mm.host.store.create(() => new Vma(mm, upperFields));
  fields.file?.get();
  unlinkReverse(vma);
  const anon = vma.anonVma.get();
  if (anon !== null) {
    mm.pageTableLock.lock();
    upper.anonVma.set(anon);
    mm.pageTableLock.unlock();
  }
  upper.numab.set(vma.numab.get());
  mm.vmas.delete(fields.start);
  vma.change({ end: at });
  mm.vmas.set(fields.start, at, vma);
  mm.vmas.set(at, fields.end, upper);
  linkReverse(vma);
  linkReverse(upper);
  return upper;
}

/** The part of a mapping within `[start, end)`, cut off from the rest of it (vma_modify without a merge). */
export function isolateVma(vma: Vma, start: Hva, end: Hva): Vma {
  let part = vma;
  if (part.fields.start < start) part = splitVma(part, start);
  if (part.fields.end > end) splitVma(part, end);
  return part;
}

/** The mappings within `[start, end)`, cut at its ends, in order. Under mmap_lock held for writing. */
export function isolateRange(mm: Mm, start: Hva, end: Hva): readonly Vma[] {
  return mm.vmas.overlapping(start, end).map((vma) => isolateVma(vma, start, end));
}

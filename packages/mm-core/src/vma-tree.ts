import { type Hva, type Pgoff, pages } from "./addresses.js";
import type { AnonVma } from "./anon-vma.js";
import { hex, type Refusal, refuse } from "./errno.js";
import { pgoffOf } from "./file.js";
import { hugetlbSplit } from "./hugetlb/unshare.js";
import { equalPolicies } from "./mempolicy.js";
import type { Mm } from "./mm.js";
import { khugepagedEnterVma } from "./thp/khugepaged-enter.js";
import { vmaAdjustTransHuge } from "./thp/split-pmd.js";
import { Vma, type VmaFields, VmFlag } from "./vma.js";

/** VM_SPECIAL: mappings with these are never merged. */
const SPECIAL = VmFlag.pfnmap | VmFlag.dontexpand;

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
  for (const anon of vma.anonChain.get()) {
    anon.lock.writeLock();
    anon.mappings.delete(fields.pgoff, vma.id);
    anon.lock.writeUnlock();
  }
}

function linkReverse(vma: Vma): void {
  linkFile(vma, vma.fields);
  for (const anon of vma.anonChain.get()) linkInto(vma, anon);
}

function linkInto(vma: Vma, anon: AnonVma): void {
  const { fields } = vma;
  anon.lock.writeLock();
  anon.mappings.set(fields.pgoff, endPgoff(fields), vma, vma.id);
  anon.lock.writeUnlock();
}

/** anon_vma_chain_link(): the mapping's own anon_vma joins its chain. */
export function linkAnon(vma: Vma): void {
  const anon = vma.anonVma.get();
  if (anon === null) return;
  const { pageTableLock } = vma.mm;
  pageTableLock.lock();
  vma.anonChain.update((chain) => [...chain, anon]);
  pageTableLock.unlock();
  linkInto(vma, anon);
}

/**
 * anon_vma_clone(): a copy of a mapping may hold every page that the original may. With `own` false, as for a fork,
 * new pages of the copy do not belong to the original's anon_vma.
 */
export function cloneAnon(to: Vma, from: Vma, own: boolean): void {
  const { mm } = to;
  const anon = from.anonVma.get();
  if (anon === null) return;
  const chain = from.anonChain.get();
  mm.pageTableLock.lock();
  to.anonChain.set(chain);
  if (own) to.anonVma.set(anon);
  mm.pageTableLock.unlock();
  for (const each of chain) linkInto(to, each);
}

/** unlink_anon_vmas(): the mapping holds no private pages any more. */
export function unlinkAnon(vma: Vma): void {
  const { pgoff } = vma.fields;
  for (const anon of vma.anonChain.get()) {
    anon.lock.writeLock();
    anon.mappings.delete(pgoff, vma.id);
    anon.lock.writeUnlock();
  }
  vma.mm.pageTableLock.lock();
  vma.anonChain.set([]);
  vma.anonVma.set(null);
  vma.mm.pageTableLock.unlock();
}

/** Gives a mapping other bounds (vma_set_range); its place in the tree and the reverse maps follows. */
export function setRange(vma: Vma, start: Hva, end: Hva, pgoff: Pgoff): void {
  const { mm, fields } = vma;
  unlinkReverse(vma);
  mm.vmas.delete(fields.start);
  vma.change({ start, end, pgoff });
  mm.vmas.set(start, end, vma);
  linkReverse(vma);
}

/** remove_vma(): a mapping is gone. @param locked under mmap_lock, with which a file must not be released */
export function removeVma(vma: Vma, locked = false): void {
  const { file } = vma.fields;
  file?.ops.closeMapping?.(vma);
  if (file === null) return;
  if (locked) vma.mm.delayedPuts.update((files) => [...files, file]);
  else file.put();
}

/** vm_ops->may_split: why `[from, to)` cannot be cut off from a mapping; undefined where it can, or need not be. */
export function maySplit(vma: Vma, from: Hva, to: Hva): Refusal | undefined {
  const { start, end } = vma.fields;
  const at = [from, to].find((edge) => edge > start && edge < end && edge % vma.pageSize !== 0);
  if (at === undefined) return undefined;
  return refuse(
    "EINVAL",
    "hugetlb_vm_op_split",
    `${hex(at)} is not aligned to the mapping's pages of ${hex(vma.pageSize)}`,
  );
}

/**
 * __split_vma(): cuts a mapping in two at a page boundary inside it. Under mmap_lock held for writing.
 * @returns the upper part; `vma` is the lower one
 */
export function splitVma(vma: Vma, at: Hva): Vma {
  const { fields, mm } = vma;
  vmaAdjustTransHuge(vma, fields.start, at);
  hugetlbSplit(vma, at);
  const upperFields: VmaFields = { ...fields, start: at, pgoff: pgoffOf(fields, at) };
  const upper = mm.host.store.create(() => new Vma(mm, upperFields));
  fields.file?.get();
  upper.numab.set(vma.numab.get());
  upper.mayHaveGuards.set(vma.mayHaveGuards.get());
  if (vma.hasLostPages.get()) upper.hasLostPages.set(true);
  setRange(vma, fields.start, at, fields.pgoff);
  linkVma(upper);
  cloneAnon(upper, vma, true);
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

/**
 * vma_modify(): changes `[start, end)` of a mapping, which is cut off from the rest or merged with its neighbours.
 * @returns the mapping that holds the range now
 */
export function modifyVma(vma: Vma, start: Hva, end: Hva, change: Partial<VmaFields>): Vma {
  const part = isolateVma(vma, start, end);
  part.change(change);
  return mergeWithNeighbours(part);
}

/**
 * vma_merge_existing_range(), vma_merge_new_range(): joins a mapping with the ones before and behind it where they
 * differ in nothing. The lower one stays.
 * @param apart a mapping that it must not be joined with
 * @returns the mapping that holds it now
 */
export function mergeWithNeighbours(vma: Vma, apart: Vma | null = null): Vma {
  const { mm } = vma;
  let merged = vma;
  const { start, end } = vma.fields;
  const below = start > 0 ? mm.vmas.first(start - 1, start) : undefined;
  if (below !== undefined && below !== apart && canMerge(below, merged)) merged = join(below, merged);
  const above = mm.vmas.first(end, end + 1);
  if (above !== undefined && above !== apart && canMerge(merged, above)) merged = join(merged, above);
  if (merged.fields.end - merged.fields.start > end - start) khugepagedEnterVma(merged);
  return merged;
}

/** is_mergeable_vma(), is_mergeable_anon_vma() */
function canMerge(lower: Vma, upper: Vma): boolean {
  const a = lower.fields;
  const b = upper.fields;
  if (a.end !== b.start || a.flags !== b.flags || (a.flags & SPECIAL) !== 0) return false;
  if (a.file !== b.file || a.uffd !== b.uffd || !equalPolicies(a.policy, b.policy)) return false;
  if (endPgoff(a) !== b.pgoff) return false;
  const anonA = lower.anonVma.get();
  const anonB = upper.anonVma.get();
  if (anonA !== null && anonB !== null) return anonA === anonB;
  return !isForkChild(lower) && !isForkChild(upper);
}

/** vma_is_fork_child(): its pages may belong to the parent's anon_vma. */
function isForkChild(vma: Vma): boolean {
  return vma.anonChain.get().length > 1;
}

/** commit_merge() */
function join(lower: Vma, upper: Vma): Vma {
  const { mm } = lower;
  const { start, pgoff } = lower.fields;
  const { start: from, end, file } = upper.fields;
  if (lower.anonVma.get() === null) cloneAnon(lower, upper, true);
  if (upper.mayHaveGuards.get()) lower.mayHaveGuards.set(true);
  unlinkReverse(upper);
  mm.vmas.delete(from);
  setRange(lower, start, end, pgoff);
  file?.put();
  return lower;
}

import { type Hva, PAGE_SIZE, type Pfn, type Pgoff } from "./addresses.js";
import { AnonVma } from "./anon-vma.js";
import { Inode } from "./file.js";
import type { Frames } from "./frames.js";
import type { Host } from "./host.js";
import { StableNode } from "./ksm/stable-node.js";
import { leafAt, leafPage } from "./leaf.js";
import type { Mm } from "./mm.js";
import { PageFlag } from "./page-flags.js";
import { type Pte, ptePresent } from "./pte.js";
import type { Task } from "./task.js";
import type { Vma } from "./vma.js";
import { linkAnon } from "./vma-tree.js";

/** anon_vma_prepare(): the mapping can hold pages of its own from here on. Under mmap_lock. */
export function anonVmaPrepare(vma: Vma): AnonVma {
  const present = vma.anonVma.get();
  if (present !== null) return present;
  const { mm } = vma;
  const { store } = mm.host;
  const made = store.create(() => new AnonVma(store));
  mm.pageTableLock.lock();
  const raced = vma.anonVma.get();
  if (raced === null) vma.anonVma.set(made);
  mm.pageTableLock.unlock();
  if (raced !== null) return raced;
  linkAnon(vma);
  return made;
}

/** folio_add_new_anon_rmap(), folio_add_lru_vma(): the first mapping of a new private page. */
export function addNewAnonRmap(task: Task, pfn: Pfn, vma: Vma, pgoff: Pgoff): void {
  const { frames, lru } = vma.mm.host;
  frames.setMapping(pfn, vma.anonVma.get(), pgoff);
  frames.mark(pfn, PageFlag.anon | PageFlag.swapbacked | PageFlag.anonExclusive);
  addRmap(frames, pfn, vma.mm);
  lru.add(task.cpu.get(), pfn);
}

/** folio_add_anon_rmap_ptes(), folio_add_file_rmap_ptes(): so many more PTEs of the process map pages of the folio. */
export function addRmap(frames: Frames, pfn: Pfn, mm: Mm, entries = 1): void {
  if (frames.order(pfn) === 0) frames.mapcount.add(pfn, entries);
  else {
    const folio = frames.folio(pfn);
    frames.mapcount.add(folio, entries);
    frames.largeMapcount.add(folio, mm.id, entries);
  }
}

/** folio_remove_rmap_ptes() */
export function removeRmap(frames: Frames, pfn: Pfn, mm: Mm, entries = 1): void {
  addRmap(frames, pfn, mm, -entries);
}

/** folio_add_anon_rmap_pmd(), folio_add_file_rmap_pmd(): one entry of the process maps all of the folio. */
export function addRmapPmd(frames: Frames, folio: Pfn, mm: Mm): void {
  frames.entireMapcount.add(folio, 1);
  addRmap(frames, folio, mm);
}

/** folio_remove_rmap_pmd() */
export function removeRmapPmd(frames: Frames, folio: Pfn, mm: Mm): void {
  frames.entireMapcount.add(folio, -1);
  removeRmap(frames, folio, mm);
}

/** folio_maybe_mapped_shared(): does more than one process map the folio, as far as the kernel can tell? */
export function isMaybeMappedShared(frames: Frames, pfn: Pfn): boolean {
  const folio = frames.folio(pfn);
  const mapcount = frames.mapcount.get(folio);
  if (mapcount <= 1) return false;
  if (frames.test(folio, PageFlag.hugetlb)) return true;
  return frames.order(folio) === 0 || frames.largeMapcount.isShared(folio, mapcount);
}

/** Where a folio, or a part of it, may be mapped: the part of a mapping that can hold pages of it. */
export interface Mapping {
  readonly vma: Vma;
  readonly address: Hva;
  /** Exclusive. */
  readonly end: Hva;
}

/** rmap_walk(): where a folio of this mapping and index may be mapped. The caller has locked it. */
export function rmapWalk(host: Host, pfn: Pfn): readonly Mapping[] {
  const { frames } = host;
  const folio = frames.folio(pfn);
  const owner = frames.mapping(folio);
  const index = frames.index.get(folio);
  const end = index + frames.pagesOf(folio);
  if (owner instanceof AnonVma) {
    owner.lock.readLock();
    const vmas = owner.mappings.overlapping(index, end);
    owner.lock.readUnlock();
    return vmas.map((vma) => at(vma, index, end));
  }
  if (owner instanceof Inode) return rmapWalkFile(owner, index, end);
  if (owner instanceof StableNode) return rmapWalkKsm(owner);
  return [];
}

/** rmap_walk_file(): where pages of a file may be mapped. */
export function rmapWalkFile(inode: Inode, index: Pgoff, end: Pgoff): readonly Mapping[] {
  inode.mappingsLock.readLock();
  const vmas = inode.mappings.overlapping(index, end);
  inode.mappingsLock.readUnlock();
  return vmas.map((vma) => at(vma, index, end));
}

/**
 * rmap_walk_ksm(): a merged page may be mapped at each of its addresses, by who was given it there and, looked at after
 * all of these, by who was forked from them since.
 */
function rmapWalkKsm(node: StableNode): readonly Mapping[] {
  const given: Mapping[] = [];
  const forked: Mapping[] = [];
  for (const { anonVma, mm, address } of node.items.get()) {
    anonVma.lock.readLock();
    const vmas = anonVma.mappings.overlapping(0, Number.MAX_SAFE_INTEGER);
    anonVma.lock.readUnlock();
    for (const vma of vmas) {
      const { start, end } = vma.fields;
      if (address < start || address >= end) continue;
      (vma.mm === mm ? given : forked).push({ vma, address, end: address + PAGE_SIZE });
    }
  }
  return [...given, ...forked];
}

/** vma_address(), vma_address_end() */
function at(vma: Vma, index: Pgoff, endIndex: Pgoff): Mapping {
  const { start, end, pgoff } = vma.fields;
  return {
    vma,
    address: Math.max(start, start + (index - pgoff) * PAGE_SIZE),
    end: Math.min(end, start + (endIndex - pgoff) * PAGE_SIZE),
  };
}

/** page_vma_mapped_walk(): the entry at `address`, if it maps this frame. */
export function mappedEntry(vma: Vma, address: Hva, pfn: Pfn): Pte | null {
  const leaf = leafAt(vma.mm, address);
  if (leaf === null) return null;
  return ptePresent(leaf.pte) && leafPage(leaf, address) === pfn ? leaf.pte : null;
}

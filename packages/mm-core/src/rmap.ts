import { type Hva, PAGE_SIZE, type Pfn } from "./addresses.js";
import { AnonVma } from "./anon-vma.js";
import { Inode } from "./file.js";
import { type Frames, PageFlag } from "./frames.js";
import type { Host } from "./host.js";
import { type Pte, ptePfn, ptePresent } from "./pte.js";
import type { Task } from "./task.js";
import { linkAnon } from "./vma-tree.js";
import type { Vma } from "./vma.js";

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
export function addNewAnonRmap(task: Task, pfn: Pfn, vma: Vma, pgoff: number): void {
  const { frames, lru } = vma.mm.host;
  frames.setMapping(pfn, vma.anonVma.get(), pgoff);
  frames.mark(pfn, PageFlag.anon | PageFlag.swapbacked | PageFlag.anonExclusive);
  frames.mapcount.add(pfn, 1);
  lru.add(task.cpu.get(), pfn);
}

/** folio_add_file_rmap_pte() */
export function addFileRmap(frames: Frames, pfn: Pfn): void {
  frames.mapcount.add(pfn, 1);
}

/** folio_remove_rmap_pte() */
export function removeRmap(frames: Frames, pfn: Pfn): void {
  frames.mapcount.add(pfn, -1);
}

/** One place where a page may be mapped. */
export interface Mapping {
  readonly vma: Vma;
  readonly address: Hva;
}

/** rmap_walk(): where a page of this mapping and index may be mapped. The caller has locked it. */
export function rmapWalk(host: Host, pfn: Pfn): readonly Mapping[] {
  const { frames } = host;
  const owner = frames.mapping(pfn);
  const index = frames.index.get(pfn);
  if (owner instanceof AnonVma) {
    owner.lock.readLock();
    const vmas = owner.mappings.overlapping(index, index + 1);
    owner.lock.readUnlock();
    return vmas.map((vma) => at(vma, index));
  }
  if (owner instanceof Inode) {
    owner.mappingsLock.readLock();
    const vmas = owner.mappings.overlapping(index, index + 1);
    owner.mappingsLock.readUnlock();
    return vmas.map((vma) => at(vma, index));
  }
  return [];
}

function at(vma: Vma, index: number): Mapping {
  const { start, pgoff } = vma.fields;
  return { vma, address: start + (index - pgoff) * PAGE_SIZE };
}

/** page_vma_mapped_walk(): the entry at `address`, if it maps this frame. */
export function mappedEntry(vma: Vma, address: Hva, pfn: Pfn): Pte | null {
  const table = vma.mm.pteTable(address);
  if (table === null) return null;
  const pte = table.get(table.indexOf(address));
  return ptePresent(pte) && ptePfn(pte) === pfn ? pte : null;
}

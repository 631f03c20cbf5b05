import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "./addresses.js";
import { AnonVma } from "./anon-vma.js";
import { pgoffOf } from "./file.js";
import { copyHugetlbPageRange } from "./hugetlb/copy.js";
import { placement, vmaPolicy } from "./mempolicy.js";
import type { Mm } from "./mm.js";
import { NotModelled } from "./not-modelled.js";
import { invalidateRangeEnd, invalidateRangeStart, type NotifierRange } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import type { Table } from "./page-table.js";
import { needsCowForDma } from "./pin.js";
import { maybeWrite, pageProt } from "./prot.js";
import { mkPte, type Pte, PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "./pte.js";
import { addNewAnonRmap, addRmap } from "./rmap.js";
import type { Task } from "./task.js";
import { copyHugePmd } from "./thp/copy.js";
import { khugepagedFork } from "./thp/khugepaged-enter.js";
import { splitHugePmd } from "./thp/split-pmd.js";
import { Vma, type VmaFields, VmFlag } from "./vma.js";
import { cloneAnon, linkAnon, linkVma } from "./vma-tree.js";

const NOT_INHERITED =
  VmFlag.locked | VmFlag.lockonfault | VmFlag.uffdMissing | VmFlag.uffdMinor | VmFlag.uffdWp;

/** dup_mmap(): the child gets a copy of every mapping, but those that are not to be copied. */
export function dupMmap(task: Task, child: Mm): void {
  const parent = task.mm;
  parent.mmapLock.writeLock();
  child.mmapLock.writeLock();
  for (const vma of parent.vmas.overlapping(0, Number.MAX_SAFE_INTEGER)) {
    const fields = vma.fields;
    if ((fields.flags & VmFlag.dontcopy) === 0) dupVma(task, child, vma, fields);
  }
  khugepagedFork(child, parent);
  child.mmapLock.writeUnlock();
  parent.mmapLock.writeUnlock();
}

function dupVma(task: Task, child: Mm, vma: Vma, fields: VmaFields): void {
  const { store } = child.host;
  // A private mapping of huge pages was promised them for itself alone (hugetlb_dup_vma_private()).
  const { uffd: _parents, reserve: _owned, ...inherited } = fields;
  const copy = store.create(() => new Vma(child, { ...inherited, flags: fields.flags & ~NOT_INHERITED }));
  fields.file?.get();
  copy.mayHaveGuards.set(vma.mayHaveGuards.get());
  linkVma(copy);
  // MADV_WIPEONFORK: an empty mapping.
  if ((fields.flags & VmFlag.wipeonfork) !== 0) return;
  anonVmaFork(copy, vma);
  copyPageRange(task, copy, vma, fields);
}

/** anon_vma_fork(): the pages that are there may be mapped by either; new ones of the child are its own. */
function anonVmaFork(copy: Vma, vma: Vma): void {
  const parent = vma.anonVma.get();
  if (parent === null) return;
  cloneAnon(copy, vma, false);
  const { mm } = copy;
  const { store } = mm.host;
  const own = store.create(() => new AnonVma(store, parent));
  mm.pageTableLock.lock();
  copy.anonVma.set(own);
  mm.pageTableLock.unlock();
  linkAnon(copy);
}

/** copy_page_range(): only where faults could not bring the same back (vma_needs_copy). */
function copyPageRange(task: Task, copy: Vma, vma: Vma, fields: VmaFields): void {
  if (vma.anonVma.get() === null && !vma.mayHaveGuards.get()) return;
  if ((fields.flags & VmFlag.hugetlb) !== 0) {
    copyHugetlbPageRange(task, copy, vma);
    return;
  }
  const { mm } = vma;
  const { start, end } = fields;
  const cow = (fields.flags & (VmFlag.shared | VmFlag.mayWrite)) === VmFlag.mayWrite;
  let range: NotifierRange | null = null;
  if (cow) range = invalidateRangeStart(mm, start, end, "PROTECTION_PAGE", "copy_page_range");
  for (let at = start; at < end; ) {
    const next = mm.pmdEnd(at, end);
    const pmds = mm.pmd(at);
    if (pmds !== null) copyPmd(task, copy, vma, pmds, at, next, cow);
    at = next;
  }
  if (range !== null) invalidateRangeEnd(mm, range);
}

/** copy_pmd_range(), of one entry */
function copyPmd(task: Task, copy: Vma, vma: Vma, source: Table, start: Hva, end: Hva, cow: boolean): void {
  const index = source.indexOf(start);
  // copy_huge_pmd(): a pinned huge page is split, so that its pages can be copied at once.
  const huge = source.child(index) === null ? source.get(index) : 0;
  if (ptePresent(huge) && !pteHas(huge, PteFlag.special) && needsCowForDma(vma, ptePfn(huge)))
    splitHugePmd(vma, start);
  const table = source.child(index);
  if (table !== null) copyPteRange(task, copy, vma, table, start, end, cow);
  else if (source.get(index) !== 0) {
    const target = copy.mm.allocPmd(start);
    copy.mm.pageTableLock.lock();
    vma.mm.pageTableLock.lock();
    copyHugePmd(copy, target, source, index);
    vma.mm.pageTableLock.unlock();
    copy.mm.pageTableLock.unlock();
  }
}

/** copy_pte_range() */
function copyPteRange(
  task: Task,
  copy: Vma,
  vma: Vma,
  source: Table,
  start: Hva,
  end: Hva,
  cow: boolean,
): void {
  const { mm } = copy;
  const target = mm.allocPte(start);
  const last = source.indexOf(end - PAGE_SIZE);
  mm.pageTableLock.lock();
  // The child's lock, then the parent's: nobody else knows the child yet.
  vma.mm.pageTableLock.lock();
  for (let index = source.indexOf(start); index <= last; index++) {
    const pte = source.get(index);
    if (pte === 0) continue;
    const isPinned = ptePresent(pte) && !pteHas(pte, PteFlag.special) && needsCowForDma(vma, ptePfn(pte));
    const address = source.base + index * PAGE_SIZE;
    target.set(
      index,
      isPinned ? copyPresentPage(task, copy, address, ptePfn(pte)) : copyEntry(copy, source, index, pte, cow),
    );
  }
  vma.mm.pageTableLock.unlock();
  mm.pageTableLock.unlock();
}

/** copy_present_page(): a copy at once, of a page that the parent's devices may be writing to. @returns the child's entry */
function copyPresentPage(task: Task, copy: Vma, address: Hva, page: Pfn): Pte {
  const { frames } = copy.mm.host;
  const { fields } = copy;
  const pgoff = pgoffOf(fields, address);
  const { node, allowed } = placement(vmaPolicy(task, copy, address), task.node, pgoff);
  const made = frames.alloc(node, allowed);
  if (made === null) throw new NotModelled("fork without memory for copies of pinned pages");
  frames.word.set(made, frames.word.get(page));
  frames.mark(made, PageFlag.uptodate);
  addNewAnonRmap(task, made, copy, pgoff);
  return mkPte(made, pageProt(fields) | maybeWrite(fields) | PteFlag.dirty | PteFlag.young);
}

/** copy_present_pte(), copy_nonpresent_pte(). @returns the child's entry */
function copyEntry({ mm }: Vma, source: Table, index: number, pte: Pte, cow: boolean): Pte {
  const { frames, swap } = mm.host;
  if (!ptePresent(pte)) {
    if (pteHas(pte, PteFlag.swap)) {
      swap.get(ptePfn(pte));
      if (pteHas(pte, PteFlag.exclusive)) source.set(index, pteChange(pte, 0, PteFlag.exclusive));
      return pteChange(pte, 0, PteFlag.exclusive | PteFlag.uffdWp);
    }
    if (pteHas(pte, PteFlag.marker))
      return (pte & (PteFlag.guard | PteFlag.poisoned)) === 0 ? 0 : pteChange(pte, 0, PteFlag.uffdWp);
    // A migration or poisoned entry: written through neither.
    if (cow && pteHas(pte, PteFlag.write)) source.set(index, pteChange(pte, 0, PteFlag.write));
    return pteChange(pte, 0, (cow ? PteFlag.write : 0) | PteFlag.uffdWp);
  }
  const pfn = ptePfn(pte);
  if (!pteHas(pte, PteFlag.special)) {
    frames.get(pfn);
    addRmap(frames, pfn, mm);
    // folio_try_dup_anon_rmap_pte()
    if (frames.test(pfn, PageFlag.anon)) frames.mark(pfn, 0, PageFlag.anonExclusive);
  }
  if (cow && pteHas(pte, PteFlag.write)) source.set(index, pteChange(pte, 0, PteFlag.write));
  return pteChange(pte, 0, PteFlag.young | PteFlag.uffdWp | (cow ? PteFlag.write : PteFlag.dirty));
}

nameFunctions({
  dup_mmap: dupMmap,
  anon_vma_fork: anonVmaFork,
  copy_page_range: copyPageRange,
  copy_pmd_range: copyPmd,
  copy_pte_range: copyPteRange,
  copy_present_page: copyPresentPage,
  copy_present_pte: copyEntry,
});

import type { Hva, Pfn } from "../addresses.js";
import { pgoffOf } from "../file.js";
import { NotModelled } from "../not-modelled.js";
import { invalidateRangeEnd, invalidateRangeStart, type NotifierRange } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { needsCowForDma } from "../pin.js";
import { type Pte, PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import type { Task } from "../task.js";
import { type Vma, VmFlag } from "../vma.js";
import { allocHugetlbFolio } from "./alloc.js";
import { makeHugePte } from "./huge-pte.js";
import { hstateOf } from "./hugetlb-info.js";
import { hugetlbAddNewAnonRmap, hugetlbAddRmap } from "./rmap.js";
import { hugePteAlloc, hugetlbWalk } from "./walk.js";

/** copy_hugetlb_page_range(): of a private mapping, neither process may write to the pages from here on. */
export function copyHugetlbPageRange(task: Task, copy: Vma, vma: Vma): void {
  const { mm, fields } = vma;
  const { start, end, flags } = fields;
  const hstate = hstateOf(fields);
  const cow = (flags & (VmFlag.shared | VmFlag.mayWrite)) === VmFlag.mayWrite;
  let range: NotifierRange | null = null;
  if (cow) range = invalidateRangeStart(mm, start, end, "CLEAR", "copy_hugetlb_page_range");
  for (let address = start; address < end; address += hstate.size) {
    const source = hugetlbWalk(mm, address, hstate);
    if (source === null) continue;
    const target = hugePteAlloc(copy.mm, address, hstate);
    const index = source.indexOf(address);
    copy.mm.pageTableLock.lock();
    mm.pageTableLock.lock();
    const pte = source.get(index);
    if (ptePresent(pte) && needsCowForDma(vma, ptePfn(pte))) {
      target.set(index, copyPinnedPage(task, copy, address, ptePfn(pte)));
    } else if (pte !== 0) {
      if (cow && pteHas(pte, PteFlag.write)) source.set(index, pteChange(pte, 0, PteFlag.write));
      target.set(index, copyEntry(copy, pte, cow));
    }
    mm.pageTableLock.unlock();
    copy.mm.pageTableLock.unlock();
  }
  if (range !== null) invalidateRangeEnd(mm, range);
}

/** A copy at once, of a page that the parent's devices may be writing to. @returns the child's entry */
function copyPinnedPage(task: Task, copy: Vma, address: Hva, page: Pfn): Pte {
  const { frames } = copy.mm.host;
  const made = allocHugetlbFolio(task, copy, address, false);
  if (made === null) throw new NotModelled("fork without a huge page for the copy of a pinned one");
  frames.copy(made, page);
  frames.mark(made, PageFlag.uptodate);
  // hugetlb_install_folio()
  hugetlbAddNewAnonRmap(copy, made, pgoffOf(copy.fields, address));
  frames.mark(made, PageFlag.lru);
  return makeHugePte(copy.fields, made, true);
}

/** @returns the child's entry */
function copyEntry({ mm }: Vma, pte: Pte, cow: boolean): Pte {
  const { frames } = mm.host;
  // A marker of write protection is the parent's alone.
  if (pteHas(pte, PteFlag.marker) && !pteHas(pte, PteFlag.poisoned)) return 0;
  if (ptePresent(pte)) {
    const folio = ptePfn(pte);
    frames.get(folio);
    // hugetlb_try_dup_anon_rmap()
    if (frames.test(folio, PageFlag.anon)) frames.mark(folio, 0, PageFlag.anonExclusive);
    hugetlbAddRmap(frames, folio);
  }
  return pteChange(pte, 0, PteFlag.uffdWp | (cow ? PteFlag.write : 0));
}

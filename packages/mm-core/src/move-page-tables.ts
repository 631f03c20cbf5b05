import { nameFunctions } from "@kvmm/interleave";
import { entryEnd, type Hva, PAGE_SIZE, PMD_SIZE } from "./addresses.js";
import { moveHugetlbPageTables } from "./hugetlb/move.js";
import { invalidateRangeEnd, invalidateRangeStart } from "./notifier.js";
import { type Pte, PteFlag, pteChange, ptePresent } from "./pte.js";
import { moveHugePmd } from "./thp/move.js";
import { splitHugePmd } from "./thp/split-pmd.js";
import { type Vma, VmFlag } from "./vma.js";

/** move_page_tables(): the entries of `[from, from + length)` move to another mapping of the same process. */
export function movePageTables(old: Vma, to: Vma, from: Hva, target: Hva, length: number): void {
  if (length === 0) return;
  const { mm } = old;
  // vma_has_uffd_without_event_remap(): what was write-protected by userfaultfd stops being so.
  const clear = old.fields.uffd !== undefined && to.fields.uffd !== old.fields.uffd ? PteFlag.uffdWp : 0;
  if ((old.fields.flags & VmFlag.hugetlb) !== 0) {
    moveHugetlbPageTables(old, from, target, length, clear);
    return;
  }
  const range = invalidateRangeStart(mm, from, from + length, "UNMAP", "move_page_tables");
  for (let at = from; at < from + length; ) {
    const here = at - from + target;
    const next = Math.min(
      entryEnd(at, PMD_SIZE, from + length),
      at + entryEnd(here, PMD_SIZE, target + length) - here,
    );
    movePmd(old, at, next, here, clear);
    at = next;
  }
  invalidateRangeEnd(mm, range);
}

/** The body of move_page_tables(): a huge page moves as a whole, if all of it is to move to where it can stand. */
function movePmd(old: Vma, start: Hva, end: Hva, target: Hva, clear: number): void {
  const { mm } = old;
  const pmds = mm.pmd(start);
  if (pmds === null) return;
  const index = pmds.indexOf(start);
  if (pmds.child(index) === null && pmds.get(index) !== 0) {
    if (end - start === PMD_SIZE && moveHugePmd(mm, pmds, index, target, clear)) return;
    splitHugePmd(old, start);
  }
  movePtes(old, start, end, target, clear);
}

/** move_ptes(), for a range within one table on either side */
function movePtes({ mm }: Vma, start: Hva, end: Hva, target: Hva, clear: number): void {
  const source = mm.pteTable(start);
  if (source === null) return;
  const table = mm.allocPte(target);
  mm.pageTableLock.lock();
  for (let at = start; at < end; at += PAGE_SIZE) {
    const index = source.indexOf(at);
    const pte = source.get(index);
    if (pte === 0) continue;
    source.set(index, 0);
    table.set(table.indexOf(at - start + target), moved(pte, clear));
  }
  mm.pageTableLock.unlock();
}

/** A marker of write protection alone does not move when the protection ends. */
function moved(pte: Pte, clear: number): Pte {
  if (clear === 0) return pte;
  const now = pteChange(pte, 0, clear);
  return ptePresent(pte) || now !== PteFlag.marker ? now : 0;
}

nameFunctions({
  move_page_tables: movePageTables,
  move_ptes: movePtes,
});

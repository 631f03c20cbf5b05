import type { Hva } from "../addresses.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { pteChange } from "../pte.js";
import type { Vma } from "../vma.js";
import { hstateOf } from "./hugetlb-info.js";
import { adjustRangeIfPmdSharingPossible } from "./sharing.js";
import { hugePteAlloc, hugetlbWalk } from "./walk.js";

/**
 * move_hugetlb_page_tables(): the entries of `[from, from + length)` move to another mapping of the same process.
 * @param clear flags that they lose
 */
export function moveHugetlbPageTables(old: Vma, from: Hva, target: Hva, length: number, clear: number): void {
  const { mm, fields } = old;
  const hstate = hstateOf(fields);
  const adjusted = adjustRangeIfPmdSharingPossible(fields, from, from + length);
  const range = invalidateRangeStart(mm, adjusted.start, adjusted.end, "CLEAR", "move_hugetlb_page_tables");
  const inode = fields.file!.inode!;
  inode.mappingsLock.writeLock();
  for (let offset = 0; offset < length; offset += hstate.size) {
    const source = hugetlbWalk(mm, from + offset, hstate);
    const index = source === null ? 0 : source.indexOf(from + offset);
    if (source === null || source.get(index) === 0) continue;
    const table = hugePteAlloc(mm, target + offset, hstate);
    mm.pageTableLock.lock();
    // move_huge_pte()
    const pte = source.get(index);
    source.set(index, 0);
    if (pte !== 0) table.set(table.indexOf(target + offset), pteChange(pte, 0, clear));
    mm.pageTableLock.unlock();
  }
  invalidateRangeEnd(mm, range);
  inode.mappingsLock.writeUnlock();
}

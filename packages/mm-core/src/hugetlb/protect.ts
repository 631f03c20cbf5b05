import type { Hva } from "../addresses.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { pageProt, pteModify } from "../prot.js";
import type { ProtectReason } from "../protect.js";
import { PteFlag, pteChange, pteHas, ptePresent } from "../pte.js";
import { changeAbsentEntry, changePresentEntry } from "../userfaultfd/change-entry.js";
import type { Vma } from "../vma.js";
import { hstateOf } from "./hugetlb-info.js";
import { adjustRangeIfPmdSharingPossible } from "./sharing.js";
import { hugePteAlloc, hugetlbWalk } from "./walk.js";

/**
 * hugetlb_change_protection(): brings the entries of `[start, end)` in line with the mapping's protection. The notifier
 * is raised over all of it, whether or not anything is mapped.
 * @returns number of small pages whose entry was changed
 */
export function hugetlbChangeProtection(
  vma: Vma,
  start: Hva,
  end: Hva,
  uffdWp?: ProtectReason["uffdWp"],
): number {
  const { mm, fields } = vma;
  const hstate = hstateOf(fields);
  const adjusted = adjustRangeIfPmdSharingPossible(fields, start, end);
  const range = invalidateRangeStart(
    mm,
    adjusted.start,
    adjusted.end,
    "PROTECTION_VMA",
    "hugetlb_change_protection",
  );
  const inode = fields.file!.inode!;
  inode.mappingsLock.writeLock();
  let changed = 0;
  for (let address = start; address < end; address += hstate.size) {
    // A note of write protection needs a table to stand in.
    const table = uffdWp === "protect" ? hugePteAlloc(mm, address, hstate) : hugetlbWalk(mm, address, hstate);
    if (table === null) continue;
    const index = table.indexOf(address);
    mm.pageTableLock.lock();
    const pte = table.get(index);
    if (pte !== 0) {
      if (ptePresent(pte)) {
        const modified = pteModify(pte, pageProt(fields));
        table.set(index, uffdWp === undefined ? modified : changePresentEntry(modified, uffdWp));
        changed += hstate.pages;
      } else {
        // A write migration entry becomes a read one.
        const read = pteHas(pte, PteFlag.write) ? pteChange(pte, 0, PteFlag.write) : pte;
        table.set(index, uffdWp === undefined ? read : changeAbsentEntry(fields, read, uffdWp));
      }
    } else if (uffdWp === "protect") table.set(index, changeAbsentEntry(fields, 0, uffdWp));
    mm.pageTableLock.unlock();
  }
  inode.mappingsLock.writeUnlock();
  invalidateRangeEnd(mm, range);
  return changed;
}

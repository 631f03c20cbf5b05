import type { Hva } from "../addresses.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { pageProt, pteModify } from "../prot.js";
import { PteFlag, pteChange, pteHas, ptePresent } from "../pte.js";
import type { Vma } from "../vma.js";
import { hstateOf } from "./hugetlb-info.js";
import { adjustRangeIfPmdSharingPossible } from "./sharing.js";
import { hugetlbWalk } from "./walk.js";

/** What userfaultfd's write protection does to the entries: sets it, or takes it away. */
export type UffdWpChange = "set" | "resolve";

/**
 * hugetlb_change_protection(): brings the entries of `[start, end)` in line with the mapping's protection. The notifier
 * is raised over all of it, whether or not anything is mapped.
 * @returns number of small pages whose entry was changed
 */
export function hugetlbChangeProtection(vma: Vma, start: Hva, end: Hva, uffdWp?: UffdWpChange): number {
  const { mm, fields } = vma;
  const hstate = hstateOf(fields);
  const adjusted = adjustRangeIfPmdSharingPossible(fields, start, end);
  const range = invalidateRangeStart(mm, adjusted.start, adjusted.end, "PROTECTION_VMA", "hugetlb_change_protection");
  const inode = fields.file!.inode!;
  inode.mappingsLock.writeLock();
  let changed = 0;
  for (let address = start; address < end; address += hstate.size) {
    const table = hugetlbWalk(mm, address, hstate);
    if (table === null) continue;
    const index = table.indexOf(address);
    mm.pageTableLock.lock();
    const pte = table.get(index);
    if (pte !== 0) {
      const wp = uffdWp === "set" ? PteFlag.uffdWp : 0;
      const resolved = uffdWp === "resolve" ? PteFlag.uffdWp : 0;
      if (ptePresent(pte)) {
        const modified = pteModify(pte, pageProt(fields));
        // pte_mkuffd_wp() takes the write permission away.
        table.set(index, pteChange(modified, wp, resolved | (wp === 0 ? 0 : PteFlag.write)));
        changed += hstate.pages;
      } else if (pteHas(pte, PteFlag.migration)) {
        // A write migration entry becomes a read one.
        table.set(index, pteChange(pte, wp, resolved | PteFlag.write));
      }
    }
    mm.pageTableLock.unlock();
  }
  inode.mappingsLock.writeUnlock();
  invalidateRangeEnd(mm, range);
  return changed;
}

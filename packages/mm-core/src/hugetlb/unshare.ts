import { type Hva, PUD_SIZE } from "../addresses.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { type Vma, VmFlag } from "../vma.js";

/**
 * hugetlb_unshare_pmds(): page tables of a shared mapping that others may use become its own. The model shares none, but
 * the kernel does not look before it raises the notifier.
 */
function hugetlbUnsharePmds({ mm, fields }: Vma, start: Hva, end: Hva): void {
  if ((fields.flags & VmFlag.mayShare) === 0 || start >= end) return;
  invalidateRangeEnd(mm, invalidateRangeStart(mm, start, end, "CLEAR", "hugetlb_unshare_pmds"));
}

/** hugetlb_unshare_all_pmds(): a userfaultfd that watches entries needs tables of its own. */
export function hugetlbUnshareAllPmds(vma: Vma): void {
  const { start, end } = vma.fields;
  hugetlbUnsharePmds(vma, Math.ceil(start / PUD_SIZE) * PUD_SIZE, Math.floor(end / PUD_SIZE) * PUD_SIZE);
}

/** hugetlb_split(): a mapping is about to be cut within a 1 GiB that is all its own. */
export function hugetlbSplit(vma: Vma, at: Hva): void {
  const { flags, start, end } = vma.fields;
  if ((flags & VmFlag.hugetlb) === 0 || at % PUD_SIZE === 0) return;
  const floor = at - (at % PUD_SIZE);
  if (floor >= start && floor + PUD_SIZE <= end) hugetlbUnsharePmds(vma, floor, floor + PUD_SIZE);
}

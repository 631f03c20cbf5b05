import { entryEnd, type Hva, PMD_SIZE } from "../addresses.js";
import { changeProtection } from "../protect.js";
import { type Vma, VmFlag } from "../vma.js";
import { usesMarkers } from "./context.js";

/** uffd_wp_range(): write-protects `[start, end)` of a mapping on behalf of its userfaultfd, or ends that. */
export function uffdWpRange(vma: Vma, start: Hva, end: Hva, protect: boolean): void {
  const { mm, fields } = vma;
  if (protect && usesMarkers(fields) && (fields.flags & VmFlag.hugetlb) === 0) {
    // pgtable_populate_needed(): a note needs a table to stand in; hugetlb_change_protection() sees to it itself.
    for (let at = start; at < end; at = entryEnd(at, PMD_SIZE, end)) mm.tryAllocPte(at);
  }
  // vma_wants_manual_pte_write_upgrade(): a shared mapping is writable by its next fault only.
  const writable = (fields.flags & (VmFlag.write | VmFlag.shared)) === VmFlag.write;
  changeProtection(vma, start, end, {
    uffdWp: protect ? "protect" : "resolve",
    tryWritable: !protect && writable,
  });
}

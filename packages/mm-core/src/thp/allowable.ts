import { type Hva, PMD_SIZE } from "../addresses.js";
import type { Host } from "../host.js";
import { isAnonymous, type VmaFields, VmFlag } from "../vma.js";

/**
 * thp_vma_allowable_order(TVA_PAGEFAULT, PMD_ORDER): may a fault map a huge page? Of files only those of hugetlbfs,
 * which has faults of its own, have huge pages in the model (huge= of shmem is never).
 */
export function thpVmaAllowable(host: Host, fields: VmaFields): boolean {
  if (!isAnonymous(fields) || (fields.flags & VmFlag.nohugepage) !== 0) return false;
  switch (host.transparentHugepage) {
    case "always":
      return true;
    case "madvise":
      return (fields.flags & VmFlag.hugepage) !== 0;
    case "never":
      return false;
  }
}

/** thp_vma_suitable_order(PMD_ORDER), of anonymous memory: does all of the huge page lie within the mapping? */
export function thpVmaSuitable(fields: VmaFields, haddr: Hva): boolean {
  return haddr >= fields.start && haddr + PMD_SIZE <= fields.end;
}

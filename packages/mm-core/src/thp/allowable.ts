import { type Hva, PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import type { Host } from "../host.js";
import { isAnonymous, type VmaFields, VmFlag } from "../vma.js";

/**
 * thp_vma_allowable_order(TVA_PAGEFAULT, PMD_ORDER): may a fault on anonymous memory map a huge page? Files are asked for
 * theirs later: shmem_fault(), hugetlb_fault().
 */
export function thpVmaAllowable(host: Host, fields: VmaFields): boolean {
  if (!isAnonymous(fields) || (fields.flags & VmFlag.nohugepage) !== 0) return false;
  switch (host.thp.enabled.get()) {
    case "always":
      return true;
    case "madvise":
      return (fields.flags & VmFlag.hugepage) !== 0;
    case "never":
      return false;
  }
}

/**
 * thp_vma_suitable_order(PMD_ORDER): does all of the huge page around an address lie within the mapping? Of a file, its
 * pages must also be aligned in the file as they are in memory.
 */
export function thpVmaSuitable(fields: VmaFields, address: Hva): boolean {
  if (!isAnonymous(fields) && (fields.start / PAGE_SIZE - fields.pgoff) % PMD_PAGES !== 0) return false;
  const haddr = address - (address % PMD_SIZE);
  return haddr >= fields.start && haddr + PMD_SIZE <= fields.end;
}

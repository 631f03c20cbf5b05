import { type Hva, PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import type { Host } from "../host.js";
import { isAnonymous, type Vma, type VmaFields, VmFlag } from "../vma.js";
import { shmemHugeGlobalEnabled } from "./shmem-orders.js";

/**
 * thp_vma_allowable_order(TVA_PAGEFAULT, PMD_ORDER): may a fault on anonymous memory map a huge page? Files are asked for
 * theirs later: shmem_fault(), hugetlb_fault().
 */
export function thpVmaAllowable(host: Host, fields: VmaFields): boolean {
  return isAnonymous(fields) && (fields.flags & VmFlag.nohugepage) === 0 && isEnabled(host, fields);
}

/** What the switch for all says of private memory; the one for 2 MiB inherits from it. */
function isEnabled({ thp }: Host, fields: VmaFields): boolean {
  const enabled = thp.enabled.get();
  return enabled === "always" || (enabled === "madvise" && (fields.flags & VmFlag.hugepage) !== 0);
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

const NO_KHUGEPAGED = VmFlag.pfnmap | VmFlag.dontexpand | VmFlag.hugetlb;

/**
 * thp_vma_allowable_order(TVA_FORCED_COLLAPSE, PMD_ORDER): may MADV_COLLAPSE make huge pages of a mapping? Of the switches it
 * obeys `deny` alone. @returns why not, or null
 */
export function thpVmaForcedCollapse(vma: Vma): string | null {
  const impossible = collapseImpossible(vma);
  if (impossible !== null || isAnonymous(vma.fields)) return impossible;
  // shmem_allowable_huge_orders()
  return vma.mm.host.thp.shmem.get() === "deny" ? "shmem_enabled denies shared memory huge pages" : null;
}

/** thp_vma_allowable_order(TVA_KHUGEPAGED, PMD_ORDER): may khugepaged do so? It obeys all switches. */
export function thpVmaKhugepaged(vma: Vma): boolean {
  const { fields, mm } = vma;
  if (collapseImpossible(vma) !== null) return false;
  if (isAnonymous(fields)) return isEnabled(mm.host, fields);
  const orders = shmemHugeGlobalEnabled(fields.file!.inode!, fields.pgoff, 0, fields.flags);
  return orders === "huge" || orders === "all";
}

/** Why a mapping can have no huge pages made of small ones, whatever the switches say; or null. */
function collapseImpossible(vma: Vma): string | null {
  const { fields } = vma;
  if ((fields.flags & VmFlag.nohugepage) !== 0)
    return "the mapping has no transparent huge pages (MADV_NOHUGEPAGE)";
  if ((fields.flags & NO_KHUGEPAGED) !== 0) return "the mapping is special, or of hugetlb";
  if (!thpVmaSuitable(fields, fields.end - PMD_SIZE)) return "the mapping holds no aligned 2 MiB";
  if (isAnonymous(fields)) return vma.anonVma.get() === null ? "the mapping was never written to" : null;
  const { inode, ops } = fields.file!;
  return inode!.traits.swapbacked ? null : `a ${ops.kind} file has no transparent huge pages`;
}

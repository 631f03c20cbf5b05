import { PAGE_SIZE, PMD_SIZE, PUD_SIZE, type Vma } from "@kvmm/mm-core";
import type { FaultDesc } from "./fault-desc.js";
import { supportsHugeMapping } from "./huge-mapping.js";
import { memslotIsLogging } from "./logging.js";

/** Sizes of a mapping at stage 2. */
export interface MappingSize {
  /** What the user mapping's pages allow: the size with which the fault begins. */
  readonly pageSize: number;
  /** The largest mapping that may be made. */
  readonly maxMapSize: number;
}

/**
 * kvm_s2_resolve_vma_size(): by the huge pages of the mapping (hugetlb), of which contiguous ones count as the next
 * smaller block. Logged memory is mapped by pages.
 */
export function resolveVmaSize({ slot, hva, mmu }: FaultDesc, vma: Vma): MappingSize {
  if (memslotIsLogging(slot)) return { pageSize: PAGE_SIZE, maxMapSize: PAGE_SIZE };
  const natural = vma.pageSize;
  for (const size of [PUD_SIZE, PMD_SIZE]) {
    if (natural >= size && supportsHugeMapping(slot, hva, size, mmu.behaviour)) {
      return { pageSize: size, maxMapSize: PUD_SIZE };
    }
  }
  // A mapping of huge pages that cannot be used as such is not tried as a transparent one either.
  return { pageSize: PAGE_SIZE, maxMapSize: natural > PAGE_SIZE ? PAGE_SIZE : PUD_SIZE };
}

import type { Pa } from "./address.js";
import type { Machine } from "./machine.js";
import type { TablePage } from "./table/table-page.js";

/**
 * struct kvm_pgtable_mm_ops: what the tables need from the host's memory management. What is left out does nothing;
 * an absent cache operation is a NULL pointer in the kernel. The explorer repeats paths, and these calls with them:
 * what they change belongs into shared objects.
 */
export interface MmOps {
  /** Before zalloc_pages_exact(): false lets it fail. */
  zallocPagesExact?(pages: number): boolean;
  /** zalloc_page() and zalloc_pages_exact() have given a table. */
  allocated?(page: TablePage): void;
  /** zalloc_page() found the cache empty. */
  allocationFailed?(): void;
  /** The last reference to a table was dropped, or free_pages_exact() was called. */
  freed?(page: TablePage): void;
  /**
   * free_unlinked_table(): a table and all below it are out of the tree. Whoever walks under RCU may still be in
   * there: call `freeUnlinked(page, level)` after a grace period. Absent: it is called at once.
   */
  freeUnlinkedTable?(page: TablePage, level: number): void;
  /** dcache_clean_inval_poc() */
  dcacheCleanInvalPoc?(phys: Pa, size: number): void;
  /** icache_inval_pou() */
  icacheInvalPou?(phys: Pa, size: number): void;
  /** dsb(ishst) by the page-table code itself. */
  dsb?(): void;
  /** rcu_read_lock() around a shared walk. @returns what {@link MmOps.rcuReadUnlock} gets */
  rcuReadLock?(): number;
  rcuReadUnlock?(token: number): void;
}

/** What the host does to its caches for a guest's memory. */
export interface CacheOps {
  /** Data cache to the point of coherency. */
  cleanDcache(phys: Pa, size: number): void;
  /** Instruction cache to the point of unification. */
  invalidateIcache(phys: Pa, size: number): void;
}

/**
 * clean_dcache_guest_page() and invalidate_icache_guest_page(): of the cache operations that the tables ask for, those that
 * reach the hardware. With FWB the guest cannot bypass the data cache; with DIC instruction fetches see it.
 */
export function guestCacheOps(
  machine: Machine,
  ops: CacheOps,
): Pick<MmOps, "dcacheCleanInvalPoc" | "icacheInvalPou"> {
  return {
    dcacheCleanInvalPoc(phys, size) {
      if (!machine.fwb) ops.cleanDcache(phys, size);
    },
    icacheInvalPou(phys, size) {
      if (!machine.dic) ops.invalidateIcache(phys, size);
    },
  };
}

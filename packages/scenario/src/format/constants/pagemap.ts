/** `category_mask` and `return_mask` of PAGEMAP_SCAN: include/uapi/linux/fs.h. */
export const pageCategories = {
  PAGE_IS_WPALLOWED: 1,
  PAGE_IS_WRITTEN: 2,
  PAGE_IS_FILE: 4,
  PAGE_IS_PRESENT: 8,
  PAGE_IS_SWAPPED: 0x10,
  PAGE_IS_PFNZERO: 0x20,
  PAGE_IS_HUGE: 0x40,
  PAGE_IS_SOFT_DIRTY: 0x80,
  PAGE_IS_GUARD: 0x100,
} as const;

/** `flags` of PAGEMAP_SCAN. */
export const pagemapScanFlags = {
  PM_SCAN_WP_MATCHING: 1,
  PM_SCAN_CHECK_WPASYNC: 2,
} as const;

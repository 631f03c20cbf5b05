/** The kernel functions at which the model calls mmu_notifier_invalidate_range_start() and _end(). */
export const modelledRangeSites = [
  "__split_huge_pmd",
  "change_pud_range",
  "clear_refs_write",
  "collapse_huge_page",
  "copy_hugetlb_page_range",
  "copy_page_range",
  "do_huge_zero_wp_pmd",
  "do_pagemap_scan",
  "hugetlb_change_protection",
  "hugetlb_unshare_pmds",
  "hugetlb_wp",
  "madvise_free_single_vma",
  "move_hugetlb_page_tables",
  "move_page_tables",
  "move_pages_huge_pmd",
  "move_pages_ptes",
  "replace_page",
  "retract_page_tables",
  "try_collapse_pte_mapped_thp",
  "try_to_migrate_one",
  "try_to_unmap_one",
  "try_to_unmap_poisoned_hugetlb_one",
  "unmap_hugepage_range",
  "unmap_vmas",
  "wp_page_copy",
  "write_protect_page",
  "zap_vma_for_reaping",
  "zap_vma_range_batched",
] as const;

/** A site of a range notifier, or a test that raises one itself. */
export type RangeSite = (typeof modelledRangeSites)[number] | "test";

/** The kernel functions at which the model ages pages in secondary MMUs, or asks for their age; some as inlined. */
export const modelledAgeingSites = [
  "__collapse_huge_page_isolate",
  "collapse_scan_pmd",
  "damon_folio_young_one",
  "damon_mkold_hugetlb_entry",
  "damon_pmdp_mkold",
  "damon_ptep_mkold",
  "damon_young_hugetlb_entry",
  "damon_young_pmd_entry",
  "damos_va_filter_young_match",
  "folio_referenced_one",
  "lru_gen_look_around",
  "page_idle_clear_pte_refs_one",
  "walk_pud_range",
] as const;

export type AgeingSite = (typeof modelledAgeingSites)[number];

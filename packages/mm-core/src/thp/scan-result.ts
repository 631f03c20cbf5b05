import { nameFunctions } from "@kvmm/interleave";
import type { Hva } from "../addresses.js";
import type { Mm } from "../mm.js";
import type { Table } from "../page-table.js";

/** enum scan_result: what came of an attempt to make a huge page of small ones. */
export type ScanResult =
  | "SCAN_FAIL"
  | "SCAN_SUCCEED"
  | "SCAN_NO_PTE_TABLE"
  | "SCAN_PMD_MAPPED"
  | "SCAN_EXCEED_NONE_PTE"
  | "SCAN_EXCEED_SWAP_PTE"
  | "SCAN_EXCEED_SHARED_PTE"
  | "SCAN_PTE_NON_PRESENT"
  | "SCAN_PTE_UFFD_WP"
  | "SCAN_PTE_MAPPED_HUGEPAGE"
  | "SCAN_LACK_REFERENCED_PAGE"
  | "SCAN_PAGE_NULL"
  | "SCAN_PAGE_COUNT"
  | "SCAN_PAGE_LRU"
  | "SCAN_PAGE_LOCK"
  | "SCAN_PAGE_ANON"
  | "SCAN_PAGE_LAZYFREE"
  | "SCAN_PAGE_COMPOUND"
  | "SCAN_PAGE_FILLED"
  | "SCAN_VMA_CHECK"
  | "SCAN_ADDRESS_RANGE"
  | "SCAN_DEL_PAGE_LRU"
  | "SCAN_ALLOC_HUGE_PAGE_FAIL"
  | "SCAN_TRUNCATED";

/** A table of PTEs, and the entry that leads to it. */
export interface TablePlace {
  readonly pmds: Table;
  readonly index: number;
  readonly table: Table;
}

/** find_pmd_or_thp_or_none(): the table of PTEs for an address, or why there is none. */
export function findPmdOrThpOrNone(
  mm: Mm,
  address: Hva,
): TablePlace | "SCAN_NO_PTE_TABLE" | "SCAN_PMD_MAPPED" {
  const pmds = mm.pmd(address);
  if (pmds === null) return "SCAN_NO_PTE_TABLE";
  const index = pmds.indexOf(address);
  const table = pmds.child(index);
  if (table !== null) return { pmds, index, table };
  return pmds.get(index) === 0 ? "SCAN_NO_PTE_TABLE" : "SCAN_PMD_MAPPED";
}

nameFunctions({
  find_pmd_or_thp_or_none: findPmdOrThpOrNone,
});

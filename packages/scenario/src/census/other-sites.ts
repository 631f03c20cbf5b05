import { type CensusRow, fromSource, recorded, sampled } from "./row.js";
import {
  filteredByAge,
  markedIdle,
  reclaimedByClassicLru,
  reclaimedByGenerations,
  scannedByKhugepaged,
} from "./source-scenarios.js";

/** Where Linux 7.2 ages a page in secondary MMUs, asks them for its age, or tells them that the address space goes. */
export const otherSites: readonly CensusRow[] = [
  {
    functions: ["folio_referenced_one"],
    file: "mm/rmap.c",
    callback: "clear_flush_young",
    reached: "classic reclaim; of a huge page, reclaim by the multi-gen LRU too",
    status: fromSource(
      "mm-core/src/reclaim/referenced.ts, folioReferenced",
      "reclaim has isolated the folio, which is evictable and mapped; each entry of mappings that are neither locked nor read in order or at random",
      reclaimedByClassicLru,
    ),
  },
  {
    functions: ["lru_gen_look_around"],
    file: "mm/vmscan.c",
    callback: "clear_young",
    reached: "reclaim by the multi-gen LRU",
    status: fromSource(
      "mm-core/src/reclaim/look-around.ts, lruGenLookAround",
      "the same, of small entries; and, where they were used, of their neighbours within 64 pages that are not isolated",
      reclaimedByGenerations,
    ),
  },
  {
    functions: ["walk_pmd_range_locked"],
    inlinedInto: ["walk_pud_range"],
    file: "mm/vmscan.c",
    callback: "clear_young",
    reached: "the multi-gen LRU ages",
    status: recorded("lru-gen-age@anon", "stage2-thp-ageing-lru-gen"),
  },
  {
    functions: ["page_idle_clear_pte_refs_one"],
    file: "mm/page_idle.c",
    callback: "clear_young",
    reached: "/sys/kernel/mm/page_idle is written",
    status: fromSource(
      "mm-core/src/ageing/page-idle.ts, clearReferences",
      "the folio is on the LRU, mapped, and not locked; each entry that maps it",
      markedIdle,
    ),
  },
  {
    functions: ["damon_ptep_mkold"],
    file: "mm/damon/ops-common.c",
    callback: "clear_young",
    reached: "DAMON begins to look at a page",
    status: recorded("damon-paddr@anon", "damon-fvaddr@memfd-shared", "damon-fvaddr@gmem"),
  },
  {
    functions: ["damon_pmdp_mkold"],
    file: "mm/damon/ops-common.c",
    callback: "clear_young",
    reached: "DAMON begins to look at a huge page",
    status: sampled("stage2-thp-ageing-damon"),
  },
  {
    functions: ["damon_hugetlb_mkold"],
    inlinedInto: ["damon_mkold_hugetlb_entry"],
    file: "mm/damon/vaddr.c",
    callback: "clear_young",
    reached: "DAMON begins to look at a hugetlb page",
    status: sampled("stage2-hugetlb2m-ageing-damon"),
  },
  {
    functions: ["damon_folio_young_one"],
    file: "mm/damon/ops-common.c",
    callback: "test_young",
    reached: "DAMON, by physical address, asks about a page",
    status: recorded("damon-paddr@anon", "damon-paddr@memfd-shared"),
  },
  {
    functions: ["damon_young_pmd_entry"],
    file: "mm/damon/vaddr.c",
    callback: "test_young",
    reached: "DAMON, by virtual address, asks about a page",
    status: recorded("damon-fvaddr@anon", "damon-fvaddr@gmem"),
  },
  {
    functions: ["damon_young_hugetlb_entry"],
    file: "mm/damon/vaddr.c",
    callback: "test_young",
    reached: "DAMON asks about a hugetlb page",
    status: sampled("stage2-hugetlb2m-ageing-damon"),
  },
  {
    functions: ["damos_va_filter_young_match"],
    file: "mm/damon/vaddr.c",
    callback: "test_young",
    reached: "a scheme of DAMON filters by age",
    status: fromSource(
      "mm-core/src/ageing/damos.ts, vaFilterYoungMatch",
      "the entry is not young, and the folio is idle",
      filteredByAge,
    ),
  },
  {
    functions: ["__collapse_huge_page_isolate"],
    file: "mm/khugepaged.c",
    callback: "test_young",
    reached: "khugepaged isolates pages to collapse",
    status: fromSource(
      "mm-core/src/thp/collapse.ts, isolate",
      "khugepaged, not MADV_COLLAPSE; the entry is not young, and the folio neither young nor referenced",
      scannedByKhugepaged,
    ),
  },
  {
    functions: ["collapse_scan_pmd"],
    file: "mm/khugepaged.c",
    callback: "test_young",
    reached: "khugepaged looks for pages to collapse",
    status: fromSource(
      "mm-core/src/thp/collapse-scan.ts, Tally.look",
      "khugepaged, not MADV_COLLAPSE; the entry is not young, and the folio neither young nor referenced",
      scannedByKhugepaged,
    ),
  },
  {
    functions: ["exit_mmap"],
    file: "mm/mmap.c",
    callback: "release",
    reached: "the process ends",
    status: fromSource(
      "mm-core/src/exit.ts, exitMmap",
      "the last user of the address space is gone; recordings do not show release",
      null,
    ),
  },
];

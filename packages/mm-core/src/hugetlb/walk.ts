import type { Hva } from "../addresses.js";
import type { Mm } from "../mm.js";
import type { Table } from "../page-table.js";
import type { Hstate } from "./hstate.js";

/** hugetlb_walk(): the table of the entry that maps a huge page of this size, or null. */
export function hugetlbWalk(mm: Mm, address: Hva, hstate: Hstate): Table | null {
  return hstate.order === 9 ? mm.pmd(address) : mm.pud(address);
}

/** huge_pte_alloc(): the same, made where there is none. Tables are never shared between processes. */
export function hugePteAlloc(mm: Mm, address: Hva, hstate: Hstate): Table {
  return hstate.order === 9 ? mm.allocPmd(address) : mm.allocPud(address);
}

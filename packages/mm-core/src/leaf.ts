import { type Hva, PAGE_SIZE, type Pfn } from "./addresses.js";
import type { Mm } from "./mm.js";
import { ENTRY_SIZE, type Table } from "./page-table.js";
import { type Pte, ptePfn } from "./pte.js";

/** The entry that maps an address, of whatever size. */
export interface Leaf {
  readonly table: Table;
  readonly index: number;
  /** Not 0. It need not be present. */
  readonly pte: Pte;
}

/** A walk of the page table without locks (folio_walk_start() and its like): the entry of an address, or null. */
export function leafAt(mm: Mm, address: Hva): Leaf | null {
  const { pgd } = mm;
  const pud = pgd.child(pgd.indexOf(address));
  if (pud === null) return null;
  const pmd = pud.child(pud.indexOf(address));
  if (pmd === null) return leafIn(pud, address);
  const table = pmd.child(pmd.indexOf(address));
  return leafIn(table ?? pmd, address);
}

function leafIn(table: Table, address: Hva): Leaf | null {
  const index = table.indexOf(address);
  const pte = table.get(index);
  return pte === 0 ? null : { table, index, pte };
}

/** The page that a leaf maps at an address, which may lie within a huge page. */
export function leafPage({ table, pte }: Leaf, address: Hva): Pfn {
  if (table.level === 0) return ptePfn(pte);
  return ptePfn(pte) + Math.floor((address % ENTRY_SIZE[table.level]) / PAGE_SIZE);
}

import type { Hva } from "../addresses.js";
import type { Fault } from "../fault/fault.js";
import type { Table } from "../page-table.js";
import type { Pte } from "../pte.js";

/** A fault on an address that a PMD entry maps, or could. */
export interface PmdFault extends Fault {
  /** Where the huge page begins. */
  readonly haddr: Hva;
  /** The table of the PMD entry. */
  readonly pmds: Table;
  readonly pmdIndex: number;
  /** The entry as it was when the fault was taken. */
  readonly origPmd: Pte;
}

/** Where a huge page is to be mapped. */
export type PmdPlace = Pick<PmdFault, "task" | "vma" | "fields" | "haddr" | "pmds" | "pmdIndex">;

/** VM_FAULT_FALLBACK: to be done with small pages. */
export const FALLBACK = "FALLBACK";

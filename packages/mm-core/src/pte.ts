import type { Pfn } from "./addresses.js";

/**
 * A host page-table entry: 20 flag bits below a frame number (or a swap offset). 0 is none. A number rather than two
 * words, so that reading or writing an entry is one access.
 */
export type Pte = number;

const PFN_UNIT = 0x10_0000;

export const PteFlag = {
  /** The hardware may use it. */
  valid: 1 << 0,
  /** Writes are allowed. */
  write: 1 << 1,
  dirty: 1 << 2,
  /** PTE_AF */
  young: 1 << 3,
  /** Present for the kernel, not for the hardware: PROT_NONE, or a NUMA hint. */
  protNone: 1 << 4,
  /** No struct page behind it for the purposes of mm: the zero page. */
  special: 1 << 5,
  uffdWp: 1 << 6,
  exec: 1 << 7,
  /** At PMD level: maps 2 MiB. */
  leaf: 1 << 8,
  /** Not present: the page is being moved, and whoever wants it waits for its lock. */
  migration: 1 << 9,
  /** Not present: the contents are in swap, at the slot that stands for a frame number. */
  swap: 1 << 10,
  /** Not present, and nothing behind it: a note (pte_marker), `guard`, `poisoned` or `uffdWp`. */
  marker: 1 << 11,
  guard: 1 << 12,
  /** Whoever touches the address gets SIGBUS: of a marker, or of an entry that held a poisoned frame. */
  poisoned: 1 << 13,
  /** Of a swap entry: the page was this process's alone (PG_anon_exclusive). */
  exclusive: 1 << 14,
} as const;

const PRESENT = PteFlag.valid | PteFlag.protNone;

export function mkPte(pfn: Pfn, flags: number): Pte {
  return pfn * PFN_UNIT + flags;
}

/** Frame number of a present entry. */
export function ptePfn(pte: Pte): Pfn {
  return Math.floor(pte / PFN_UNIT);
}

export function pteNone(pte: Pte): boolean {
  return pte === 0;
}

/** pte_present(): the entry holds a frame, whether or not the hardware may use it. */
export function ptePresent(pte: Pte): boolean {
  return (pte & PRESENT) !== 0;
}

/** pte_protnone(): present, but every access faults. */
export function pteProtNone(pte: Pte): boolean {
  return (pte & PRESENT) === PteFlag.protNone;
}

export function pteHas(pte: Pte, flag: number): boolean {
  return (pte & flag) !== 0;
}

/** The entry with flags set and cleared. */
export function pteChange(pte: Pte, set: number, clear: number): Pte {
  const flags = pte & (PFN_UNIT - 1);
  return pte - flags + ((flags & ~clear) | set);
}

/** What an address packet's index means; 5 to 31 mean nothing yet. */
export const ADDRESS_ROLES = ["pc", "target", "data-virtual", "data-physical", "previous-target"] as const;
export type AddressRole = (typeof ADDRESS_ROLES)[number];

/** The role of an address packet by its index, undefined for those that have none. */
export function addressRole(index: number): AddressRole | undefined {
  return ADDRESS_ROLES[index];
}

/** Where an instruction is (indices 0, 1 and 4). */
export interface InstructionAddress {
  /** Bits 55:0 of the virtual address; `canonicalAddress` completes it. */
  readonly address: bigint;
  /** Exception level, 0 to 3. */
  readonly el: number;
  /** The NS bit: not Secure. */
  readonly ns: boolean;
  /** The NSE bit (Realm Management Extension): with NS, Root (NS 0) and Realm (NS 1). */
  readonly nse: boolean;
}

/** What a load or store accesses (index 2). */
export interface DataVirtualAddress {
  /** Bits 55:0 of the virtual address; `canonicalAddress` completes it. */
  readonly address: bigint;
  /** The top byte, a tag or what the program had there: 8 bits. */
  readonly tag: number;
}

/** The same as a physical address (index 3). */
export interface DataPhysicalAddress {
  /** Bits 55:0. */
  readonly address: bigint;
  readonly ns: boolean;
  /** As in `InstructionAddress`. */
  readonly nse: boolean;
  /** The access was checked against allocation tags. */
  readonly checked: boolean;
  /** Physical address tag, 4 bits. */
  readonly tag: number;
}

/** Bits 55:0 of an address. */
export const ADDRESS_MASK: bigint = (1n << 56n) - 1n;

/**
 * The 64-bit virtual address for bits 55:0, with bit 55 repeated upwards, as the CPU chooses the
 * translation table. `perf` does it for data addresses with bits 55:52 set, and for instructions
 * at EL1 and EL2 with NS set.
 */
export function canonicalAddress(address: bigint): bigint {
  return BigInt.asUintN(64, BigInt.asIntN(56, address));
}

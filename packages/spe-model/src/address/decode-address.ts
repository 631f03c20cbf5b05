import {
  ADDRESS_MASK,
  type DataPhysicalAddress,
  type DataVirtualAddress,
  type InstructionAddress,
} from "./address.js";

function bit(value: bigint, at: bigint): boolean {
  return ((value >> at) & 1n) === 1n;
}

/** Reads the 64-bit payload of an address packet with index 0, 1 or 4. */
export function decodeInstructionAddress(value: bigint): InstructionAddress {
  return {
    address: value & ADDRESS_MASK,
    el: Number((value >> 61n) & 3n),
    ns: bit(value, 63n),
    nse: bit(value, 60n),
  };
}

/** Reads the 64-bit payload of an address packet with index 2. */
export function decodeDataVirtualAddress(value: bigint): DataVirtualAddress {
  return { address: value & ADDRESS_MASK, tag: Number(value >> 56n) };
}

/** Reads the 64-bit payload of an address packet with index 3. */
export function decodeDataPhysicalAddress(value: bigint): DataPhysicalAddress {
  return {
    address: value & ADDRESS_MASK,
    ns: bit(value, 63n),
    nse: bit(value, 60n),
    checked: bit(value, 62n),
    tag: Number((value >> 56n) & 0xfn),
  };
}

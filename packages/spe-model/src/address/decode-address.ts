import {
  ADDRESS_MASK,
  type DataPhysicalAddress,
  type DataVirtualAddress,
  type InstructionAddress,
} from "./address.js";

/** Reads the 64-bit payload of an address packet with index 0, 1 or 4. */
export function decodeInstructionAddress(value: bigint): InstructionAddress {
  const top = Number(value >> 56n);
  return { address: value & ADDRESS_MASK, el: (top >> 5) & 3, ns: top >= 0x80, nse: (top & 0x10) !== 0 };
}

/** Reads the 64-bit payload of an address packet with index 2. */
export function decodeDataVirtualAddress(value: bigint): DataVirtualAddress {
  return { address: value & ADDRESS_MASK, tag: Number(value >> 56n) };
}

/** Reads the 64-bit payload of an address packet with index 3. */
export function decodeDataPhysicalAddress(value: bigint): DataPhysicalAddress {
  const top = Number(value >> 56n);
  return {
    address: value & ADDRESS_MASK,
    ns: top >= 0x80,
    nse: (top & 0x10) !== 0,
    checked: (top & 0x40) !== 0,
    tag: top & 0xf,
  };
}

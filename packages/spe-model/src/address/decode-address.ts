import {
  ADDRESS_MASK,
  type DataPhysicalAddress,
  type DataVirtualAddress,
  type InstructionAddress,
} from "./address.js";

/** Reads the 64-bit payload of an address packet with index 0, 1 or 4. */
export function decodeInstructionAddress(value: bigint): InstructionAddress {
  return instructionAddress(value & ADDRESS_MASK, topByte(value));
}

/** Reads the 64-bit payload of an address packet with index 2. */
export function decodeDataVirtualAddress(value: bigint): DataVirtualAddress {
  return { address: value & ADDRESS_MASK, tag: topByte(value) };
}

/** Reads the 64-bit payload of an address packet with index 3. */
export function decodeDataPhysicalAddress(value: bigint): DataPhysicalAddress {
  return dataPhysicalAddress(value & ADDRESS_MASK, topByte(value));
}

/** Bits 55:0 and bits 63:56 of the payload. */
export function instructionAddress(address: bigint, top: number): InstructionAddress {
  return { address, el: (top >> 5) & 3, ns: top >= 0x80, nse: (top & 0x10) !== 0 };
}

/** Bits 55:0 and bits 63:56 of the payload. */
export function dataPhysicalAddress(address: bigint, top: number): DataPhysicalAddress {
  return {
    address,
    ns: top >= 0x80,
    nse: (top & 0x10) !== 0,
    checked: (top & 0x40) !== 0,
    tag: top & 0xf,
  };
}

function topByte(value: bigint): number {
  return Number(value >> 56n);
}

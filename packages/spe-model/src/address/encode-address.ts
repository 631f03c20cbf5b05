import { EncodeError } from "../packet/encode-error.js";
import {
  ADDRESS_MASK,
  type DataPhysicalAddress,
  type DataVirtualAddress,
  type InstructionAddress,
} from "./address.js";

function low(address: bigint): bigint {
  if (address < 0n || address > ADDRESS_MASK) throw new EncodeError("address", address, "56 bits, unsigned");
  return address;
}

function field(name: string, value: number, max: number, at: bigint): bigint {
  if (!Number.isInteger(value) || value < 0 || value > max) throw new EncodeError(name, value, `0 to ${max}`);
  return BigInt(value) << at;
}

function flag(value: boolean, at: bigint): bigint {
  return value ? 1n << at : 0n;
}

/**
 * The payload of an address packet with index 0, 1 or 4.
 * @throws EncodeError if a field does not fit its bits.
 */
export function encodeInstructionAddress({ address, el, ns, nse }: InstructionAddress): bigint {
  return low(address) | field("el", el, 3, 61n) | flag(ns, 63n) | flag(nse, 60n);
}

/**
 * The payload of an address packet with index 2.
 * @throws EncodeError if a field does not fit its bits.
 */
export function encodeDataVirtualAddress({ address, tag }: DataVirtualAddress): bigint {
  return low(address) | field("tag", tag, 0xff, 56n);
}

/**
 * The payload of an address packet with index 3.
 * @throws EncodeError if a field does not fit its bits.
 */
export function encodeDataPhysicalAddress({ address, ns, nse, checked, tag }: DataPhysicalAddress): bigint {
  return low(address) | field("tag", tag, 0xf, 56n) | flag(ns, 63n) | flag(nse, 60n) | flag(checked, 62n);
}

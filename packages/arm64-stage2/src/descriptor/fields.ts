import { geometryOf, granuleShift } from "../geometry/geometry.js";
import type { Machine } from "../machine.js";

// The fields of leaves for the codec (Arm ARM, D8.3.2), as 64-bit values.
export const VALID_BIT = 1n;
export const TYPE_BIT = 2n;
export const READ_BIT = 1n << 6n;
export const WRITE_BIT = 1n << 7n;
export const AF_BIT = 1n << 10n;
export const DBM_BIT = 1n << 51n;
export const CONTIGUOUS_BIT = 1n << 52n;
export const MEMATTR_AT = 2n;
export const SH_AT = 8n;
export const XN_AT = 53n;
export const SW_AT = 55n;

/** The place of the output address for one level of one machine. */
export interface OutputField {
  /** Address bits that stand in their place. */
  readonly inPlace: bigint;
  /** Address bits that stand elsewhere; 0 if none. */
  readonly moved: bigint;
  /** By how much they stand lower. */
  readonly movedBy: bigint;
}

/** @param shift log2 of what the address is aligned to */
export function outputField(machine: Machine, shift: number): OutputField {
  const below = (bits: number) => (1n << BigInt(bits)) - 1n;
  if (machine.lpa2) return { inPlace: below(50) & ~below(shift), moved: 3n << 50n, movedBy: 42n };
  const inPlace = below(48) & ~below(shift);
  if (machine.pageSize === 65536) return { inPlace, moved: 15n << 48n, movedBy: 36n };
  return { inPlace, moved: 0n, movedBy: 0n };
}

/** The place of the output address in a leaf of a level. */
export function leafOutput(machine: Machine, level: number): OutputField {
  return outputField(machine, granuleShift(geometryOf(machine.pageSize), level));
}

/** The place of the next table's address. */
export function tableOutput(machine: Machine): OutputField {
  return outputField(machine, geometryOf(machine.pageSize).pageShift);
}

/** All bits of a leaf that have a name. */
export function namedLeafBits(machine: Machine, output: OutputField): bigint {
  const sh = machine.lpa2 ? 0n : 3n << SH_AT;
  const attributes = READ_BIT | WRITE_BIT | AF_BIT | DBM_BIT | CONTIGUOUS_BIT | (15n << MEMATTR_AT) | sh;
  return namedTableBits(output) | attributes | (3n << XN_AT) | (15n << SW_AT);
}

/** All bits of a table descriptor that have a name. */
export function namedTableBits(output: OutputField): bigint {
  return VALID_BIT | TYPE_BIT | output.inPlace | (output.moved >> output.movedBy);
}

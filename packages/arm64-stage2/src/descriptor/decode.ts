import type { Pa } from "../address.js";
import { geometryOf, LAST_LEVEL } from "../geometry/geometry.js";
import type { Machine } from "../machine.js";
import { protOfHalves } from "./attributes.js";
import type { Descriptor, LeafDescriptor } from "./descriptor.js";
import {
  AF_BIT,
  CONTIGUOUS_BIT,
  DBM_BIT,
  leafOutput,
  MEMATTR_AT,
  namedLeafBits,
  namedTableBits,
  type OutputField,
  READ_BIT,
  SH_AT,
  SW_AT,
  TYPE_BIT,
  tableOutput,
  VALID_BIT,
  WRITE_BIT,
  XN_AT,
} from "./fields.js";
import { lowerHalf, upperHalf } from "./halves.js";
import type { Xn } from "./layout.js";
import type { Prot } from "./prot.js";

/**
 * What a descriptor of a level says. Loses nothing: `encodeDescriptor` of the result gives `desc` again.
 * @throws RangeError unless `desc` has 64 bits and `level` is one from 0 to 3
 */
export function decodeDescriptor(machine: Machine, desc: bigint, level: number): Descriptor {
  checkDescriptor(desc, level, "decodeDescriptor");
  if (desc === 0n) return { kind: "empty" };
  if ((desc & VALID_BIT) === 0n) {
    return { kind: "invalid", type: Number(desc >> 60n), annotation: desc & ((1n << 60n) - 1n) };
  }
  if ((desc & TYPE_BIT) !== 0n && level < LAST_LEVEL) {
    const output = tableOutput(machine);
    return { kind: "table", pa: addressIn(desc, output), rest: desc & ~namedTableBits(output) };
  }
  if (level === LAST_LEVEL ? (desc & TYPE_BIT) === 0n : level < geometryOf(machine.pageSize).minBlockLevel) {
    return { kind: "reserved", desc };
  }
  return decodeLeaf(machine, desc, level);
}

function decodeLeaf(machine: Machine, desc: bigint, level: number): LeafDescriptor {
  const output = leafOutput(machine, level);
  return {
    kind: level === LAST_LEVEL ? "page" : "block",
    pa: addressIn(desc, output),
    read: (desc & READ_BIT) !== 0n,
    write: (desc & WRITE_BIT) !== 0n,
    xn: Number((desc >> XN_AT) & 3n) as Xn,
    memAttr: Number((desc >> MEMATTR_AT) & 15n),
    shareability: machine.lpa2 ? 0 : Number((desc >> SH_AT) & 3n),
    accessFlag: (desc & AF_BIT) !== 0n,
    dirtyBitModifier: (desc & DBM_BIT) !== 0n,
    contiguous: (desc & CONTIGUOUS_BIT) !== 0n,
    software: Number((desc >> SW_AT) & 15n),
    rest: desc & ~namedLeafBits(machine, output),
  };
}

function addressIn(desc: bigint, { inPlace, moved, movedBy }: OutputField): Pa {
  return Number((desc & inPlace) | ((desc << movedBy) & moved)) as Pa;
}

/** kvm_pgtable_stage2_pte_prot(): what a descriptor allows, as KVM reads it back. */
export function pteProt(desc: bigint): Prot {
  return protOfHalves(lowerHalf(desc), upperHalf(desc));
}

/** kvm_pte_valid() */
export function pteValid(desc: bigint): boolean {
  return (desc & VALID_BIT) !== 0n;
}

/** Throws a RangeError unless `desc` has 64 bits and there is such a level. */
export function checkDescriptor(desc: bigint, level: number, what: string): void {
  if (typeof desc !== "bigint" || BigInt.asUintN(64, desc) !== desc) {
    throw new RangeError(`${what}: ${String(desc)} is no 64-bit descriptor`);
  }
  if (!Number.isInteger(level) || level < 0 || level > LAST_LEVEL) {
    throw new RangeError(`${what}: ${String(level)} is no level from 0 to 3`);
  }
}

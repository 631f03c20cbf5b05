import { checkAddress, hex, type Pa } from "../address.js";
import { geometryOf, LAST_LEVEL } from "../geometry/geometry.js";
import type { Machine } from "../machine.js";
import { type Attributes, memAttrs, setProtAttr } from "./attributes.js";
import { checkDescriptor } from "./decode.js";
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
import { join } from "./halves.js";
import { checkProt, type Prot } from "./prot.js";

/**
 * The descriptor that says this: the twin of `decodeDescriptor`.
 * @throws RangeError for what has no place in a descriptor of the level
 */
export function encodeDescriptor(machine: Machine, descriptor: Descriptor, level: number): bigint {
  checkDescriptor(0n, level, "encodeDescriptor");
  switch (descriptor.kind) {
    case "empty":
      return 0n;
    case "invalid": {
      const { type, annotation } = descriptor;
      field(type, 15, "type");
      bits(annotation, ((1n << 60n) - 1n) & ~VALID_BIT, "annotation");
      return (BigInt(type) << 60n) | annotation;
    }
    case "table": {
      if (level === LAST_LEVEL) throw new RangeError("encodeDescriptor: there are no tables at level 3");
      const output = tableOutput(machine);
      return (
        VALID_BIT | TYPE_BIT | address(descriptor.pa, output) | other(descriptor.rest, namedTableBits(output))
      );
    }
    case "reserved":
      checkDescriptor(descriptor.desc, level, "encodeDescriptor");
      return descriptor.desc;
    case "block":
    case "page":
      return encodeLeaf(machine, descriptor, level);
  }
}

function encodeLeaf(machine: Machine, leaf: LeafDescriptor, level: number): bigint {
  if (
    (leaf.kind === "page") !== (level === LAST_LEVEL) ||
    level < geometryOf(machine.pageSize).minBlockLevel
  ) {
    throw new RangeError(`encodeDescriptor: there is no ${leaf.kind} at level ${level}`);
  }
  const output = leafOutput(machine, level);
  const flag = (set: boolean, bit: bigint) => (set ? bit : 0n);
  return (
    VALID_BIT |
    flag(leaf.kind === "page", TYPE_BIT) |
    address(leaf.pa, output) |
    flag(leaf.read, READ_BIT) |
    flag(leaf.write, WRITE_BIT) |
    flag(leaf.accessFlag, AF_BIT) |
    flag(leaf.dirtyBitModifier, DBM_BIT) |
    flag(leaf.contiguous, CONTIGUOUS_BIT) |
    (field(leaf.memAttr, 15, "memAttr") << MEMATTR_AT) |
    (field(leaf.shareability, machine.lpa2 ? 0 : 3, "shareability") << SH_AT) |
    (field(leaf.xn, 3, "xn") << XN_AT) |
    (field(leaf.software, 15, "software") << SW_AT) |
    other(leaf.rest, namedLeafBits(machine, output))
  );
}

/**
 * The descriptor of a new leaf as KVM makes it: stage2_set_prot_attr() and kvm_init_valid_leaf_pte().
 * @param asS1 KVM_PGTABLE_S2_AS_S1
 * @returns the descriptor, or a negative errno as a number
 */
export function encodeLeafFor(
  machine: Machine,
  pa: Pa,
  prot: Prot,
  level: number,
  asS1 = false,
): bigint | number {
  checkDescriptor(0n, level, "encodeLeafFor");
  checkProt(prot, "encodeLeafFor: prot");
  const attributes: Attributes = { lo: 0, hi: 0 };
  const ret = setProtAttr(machine, memAttrs(machine, asS1), prot, attributes);
  if (ret !== 0) return ret;
  const output = leafOutput(machine, level);
  const type = level === LAST_LEVEL ? TYPE_BIT : 0n;
  return VALID_BIT | type | address(pa, output) | join(attributes.lo, attributes.hi);
}

function address(pa: Pa, { inPlace, moved, movedBy }: OutputField): bigint {
  checkAddress(pa, "encodeDescriptor: pa");
  const value = BigInt(pa);
  if ((value & ~(inPlace | moved)) !== 0n) {
    throw new RangeError(
      `encodeDescriptor: ${hex(pa)} is not aligned to its size, or too large for the descriptor`,
    );
  }
  return (value & inPlace) | ((value & moved) >> movedBy);
}

function field(value: number, max: number, name: string): bigint {
  if (Number.isInteger(value) && value >= 0 && value <= max) return BigInt(value);
  throw new RangeError(`encodeDescriptor: ${name} is ${String(value)}, not an integer from 0 to ${max}`);
}

function other(rest: bigint, named: bigint): bigint {
  return bits(rest, ((1n << 64n) - 1n) & ~named, "rest");
}

function bits(value: bigint, allowed: bigint, name: string): bigint {
  if (typeof value === "bigint" && (value & ~allowed) === 0n) return value;
  throw new RangeError(`encodeDescriptor: ${name} ${hex(value)} has bits that belong elsewhere`);
}

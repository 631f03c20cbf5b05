import { EncodeError } from "../packet/encode-error.js";
import { PLAIN_ACCESS, type SampledOperation } from "./operation.js";

const CALL_RETURN = { unknown: 0, call: 1, return: 2, neither: 3 } as const;

function bits(...flags: readonly [boolean, number][]): number {
  return flags.reduce((value, [flag, at]) => (flag ? value | (1 << at) : value), 0);
}

function exponent(field: string, value: number, unit: number, max: number): number {
  const shift = Math.log2(value / unit);
  if (!Number.isInteger(shift) || shift < 0 || shift > max)
    throw new EncodeError(field, value, `${unit} << 0 to ${max}`);
  return shift;
}

/**
 * Class and payload of the operation's packet.
 * @throws EncodeError for a vector length or tile size that has no encoding, and for a `memset` that loads.
 */
export function encodeOperation(operation: SampledOperation): { class: number; payload: number } {
  switch (operation.class) {
    case "unknown":
      return { class: operation.classBits, payload: operation.payload };
    case "branch":
      return {
        class: 2,
        payload:
          bits([operation.conditional, 0], [operation.indirect, 1], [operation.gcs, 2]) |
          (CALL_RETURN[operation.callReturn] << 3) |
          (operation.reserved << 5),
      };
    case "other":
      return { class: 0, payload: encodeOther(operation) };
    case "memory":
      return { class: 1, payload: encodeMemory(operation) };
  }
}

function encodeOther(operation: Extract<SampledOperation, { class: "other" }>): number {
  switch (operation.subclass) {
    case "other":
      return bits([operation.conditional, 0], [operation.floatingPoint, 1], [operation.simd, 2]);
    case "sve":
      return (
        0x08 |
        (exponent("vectorLength", operation.vectorLength, 32, 7) << 4) |
        bits([operation.floatingPoint, 1], [operation.predicated, 2])
      );
    case "sme": {
      const size = exponent("tileSize", operation.tileSize, 128, 15);
      return 0x88 | ((size >> 1) << 4) | ((size & 1) << 2) | bits([operation.floatingPoint, 1]);
    }
  }
}

function encodeMemory(operation: Extract<SampledOperation, { class: "memory" }>): number {
  const store = bits([operation.store, 0]);
  switch (operation.subclass) {
    case "extended":
      return (
        0x02 | store | bits([operation.atomic, 2], [operation.exclusive, 3], [operation.acquireRelease, 4])
      );
    case "sve":
      return (
        0x08 |
        store |
        (exponent("vectorLength", operation.vectorLength, 32, 7) << 4) |
        bits([operation.predicated, 2], [operation.gatherScatter, 7])
      );
    case "gcs":
      return 0x40 | store | bits([operation.common, 2]);
    case "memset":
      if (!operation.store) throw new EncodeError("store", 0, "true: a memset is a store");
      return PLAIN_ACCESS.memset | store;
    default:
      return PLAIN_ACCESS[operation.subclass] | store;
  }
}

import { PLAIN_ACCESS, type PlainAccess, type SampledOperation } from "./operation.js";

const PLAIN = new Map(Object.entries(PLAIN_ACCESS).map(([name, bits]) => [bits, name as PlainAccess]));
const CALL_RETURN = ["unknown", "call", "return", "neither"] as const;

/** Reads class (0 to 3) and payload (8 bits) of an operation type packet. */
export function decodeOperation(classBits: number, payload: number): SampledOperation {
  const bit = (n: number): boolean => ((payload >> n) & 1) === 1;
  const store = bit(0);
  const vectorLength = 32 << ((payload >> 4) & 7);
  switch (classBits) {
    case 0:
      if ((payload & 0xf8) === 0)
        return { class: "other", subclass: "other", simd: bit(2), floatingPoint: bit(1), conditional: bit(0) };
      if ((payload & 0x89) === 0x08)
        return { class: "other", subclass: "sve", vectorLength, floatingPoint: bit(1), predicated: bit(2) };
      if ((payload & 0x89) === 0x88) {
        const tileSize = 128 << ((((payload >> 4) & 7) << 1) | ((payload >> 2) & 1));
        return { class: "other", subclass: "sme", tileSize, floatingPoint: bit(1) };
      }
      break;
    case 1: {
      const plain = PLAIN.get(payload & 0xfe);
      if (plain !== undefined && (plain !== "memset" || store))
        return { class: "memory", subclass: plain, store };
      if ((payload & 0xe2) === 0x02)
        return {
          class: "memory",
          subclass: "extended",
          store,
          atomic: bit(2),
          exclusive: bit(3),
          acquireRelease: bit(4),
        };
      if ((payload & 0x0a) === 0x08)
        return {
          class: "memory",
          subclass: "sve",
          store,
          vectorLength,
          predicated: bit(2),
          gatherScatter: bit(7),
        };
      if ((payload & 0xfa) === 0x40) return { class: "memory", subclass: "gcs", store, common: bit(2) };
      break;
    }
    case 2:
      return {
        class: "branch",
        conditional: bit(0),
        indirect: bit(1),
        gcs: bit(2),
        callReturn: CALL_RETURN[(payload >> 3) & 3]!,
        reserved: payload >> 5,
      };
  }
  return { class: "unknown", classBits, payload };
}

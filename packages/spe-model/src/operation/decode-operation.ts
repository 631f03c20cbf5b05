import { PLAIN_ACCESS, type PlainAccess, type SampledOperation } from "./operation.js";

const PLAIN = new Map(Object.entries(PLAIN_ACCESS).map(([name, bits]) => [bits, name as PlainAccess]));
const CALL_RETURN = ["unknown", "call", "return", "neither"] as const;

function bit(payload: number, at: number): boolean {
  return ((payload >> at) & 1) === 1;
}

/** Reads class (0 to 3) and payload (8 bits) of an operation type packet. */
export function decodeOperation(classBits: number, payload: number): SampledOperation {
  const store = bit(payload, 0);
  const vectorLength = 32 << ((payload >> 4) & 7);
  switch (classBits) {
    case 0:
      if ((payload & 0xf8) === 0)
        return {
          class: "other",
          subclass: "other",
          simd: bit(payload, 2),
          floatingPoint: bit(payload, 1),
          conditional: bit(payload, 0),
        };
      if ((payload & 0x89) === 0x08)
        return {
          class: "other",
          subclass: "sve",
          vectorLength,
          floatingPoint: bit(payload, 1),
          predicated: bit(payload, 2),
        };
      if ((payload & 0x89) === 0x88) {
        const tileSize = 128 << ((((payload >> 4) & 7) << 1) | ((payload >> 2) & 1));
        return { class: "other", subclass: "sme", tileSize, floatingPoint: bit(payload, 1) };
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
          atomic: bit(payload, 2),
          exclusive: bit(payload, 3),
          acquireRelease: bit(payload, 4),
        };
      if ((payload & 0x0a) === 0x08)
        return {
          class: "memory",
          subclass: "sve",
          store,
          vectorLength,
          predicated: bit(payload, 2),
          gatherScatter: bit(payload, 7),
        };
      if ((payload & 0xfa) === 0x40)
        return { class: "memory", subclass: "gcs", store, common: bit(payload, 2) };
      break;
    }
    case 2:
      return {
        class: "branch",
        conditional: bit(payload, 0),
        indirect: bit(payload, 1),
        gcs: bit(payload, 2),
        callReturn: CALL_RETURN[(payload >> 3) & 3]!,
        reserved: payload >> 5,
      };
  }
  return { class: "unknown", classBits, payload };
}

import { expect, test } from "vitest";
import { decodeOperation } from "./decode-operation.js";
import { encodeOperation } from "./encode-operation.js";

test("every class and payload is read in one way, which encodes to it", () => {
  const readings = new Set<string>();
  for (let of = 0; of < 4; of++)
    for (let payload = 0; payload < 256; payload++) {
      const operation = decodeOperation(of, payload);
      expect(encodeOperation(operation)).toEqual({ class: of, payload });
      readings.add(JSON.stringify(operation));
    }
  expect(readings.size).toBe(1024);
});

test.each([
  [0, 0x01, { class: "other", subclass: "other", conditional: true }],
  [0, 0x3c, { class: "other", subclass: "sve", vectorLength: 256, predicated: true }],
  [0, 0xbc, { class: "other", subclass: "sme", tileSize: 16_384 }],
  [1, 0x00, { class: "memory", subclass: "general", store: false }],
  [1, 0x05, { class: "memory", subclass: "simd-fp", store: true }],
  [1, 0x16, { class: "memory", subclass: "extended", atomic: true, acquireRelease: true, exclusive: false }],
  [1, 0x20, { class: "memory", subclass: "memcpy", store: false }],
  [1, 0x25, { class: "memory", subclass: "memset", store: true }],
  [1, 0x24, { class: "unknown", payload: 0x24 }],
  [1, 0xcc, { class: "memory", subclass: "sve", vectorLength: 512, gatherScatter: true, predicated: true }],
  [1, 0x44, { class: "memory", subclass: "gcs", common: true, store: false }],
  [2, 0x0e, { class: "branch", callReturn: "call", indirect: true, gcs: true, conditional: false }],
  [3, 0x07, { class: "unknown", classBits: 3, payload: 7 }],
])("class %i, payload %i", (of, payload, expected) => {
  expect(decodeOperation(of, payload)).toMatchObject(expected);
});

test("what has no encoding is refused", () => {
  const sve = { class: "other", subclass: "sve", floatingPoint: false, predicated: false } as const;
  expect(() => encodeOperation({ ...sve, vectorLength: 100 })).toThrow("vectorLength is 100");
  expect(() => encodeOperation({ ...sve, vectorLength: 8192 })).toThrow("vectorLength is 8192");
  expect(() => encodeOperation({ class: "memory", subclass: "memset", store: false })).toThrow(
    "memset is a store",
  );
});

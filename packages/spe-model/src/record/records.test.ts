import { expect, test } from "vitest";
import { vectors } from "../../vectors/read-vectors.js";
import { fromHex } from "../testing/random-bytes.js";
import { decodeRecords } from "./decode-records.js";
import { encodeRecord } from "./encode-record.js";
import type { SpeRecord } from "./record.js";

const LOAD: SpeRecord = {
  pc: { address: 0xffba66eda1c2d0n, el: 2, ns: true, nse: false },
  contextEl2: 0x5f80,
  operation: { class: "memory", subclass: "general", store: false },
  events: { bits: 0x16n, width: 2 },
  latency: { issue: 4, total: 12, translation: 1 },
  dataVirtual: { address: 0xff0e3703096b28n, tag: 0 },
  dataSource: { value: 0n, width: 1 },
  timestamp: 44731163950n,
};

test("a Neoverse core's load decodes", () => {
  const items = [...decodeRecords(vectors["neoverse-el2"]!.bytes)];
  expect(items[0]).toEqual({ kind: "record", offset: 0, size: 64, badBytes: 0, record: LOAD });
  expect(items[1]).toMatchObject({
    offset: 64,
    size: 64,
    record: {
      operation: { class: "branch", conditional: true },
      target: { address: 0xffba66edefb0e4n },
      latency: { issue: 16, total: 17 },
      timestamp: 44731164045n,
    },
  });
});

test("a record is written in the order of a Neoverse core's, padding before the end", () => {
  const written = encodeRecord(LOAD, 64);
  const packets = (bytes: Uint8Array) =>
    [...decodeRecords(bytes)].map((item) => item.kind === "record" && item.record);
  expect(written).toHaveLength(64);
  expect(packets(written)).toEqual([LOAD]);
});

test("a lost end does not mix two records", () => {
  const torn = encodeRecord(LOAD).slice(0, 25);
  const next = encodeRecord({ ...LOAD, contextEl2: 7 });
  const bytes = new Uint8Array([...torn, ...next]);
  const items = [...decodeRecords(bytes)];
  expect(items[0]).toMatchObject({
    kind: "error",
    reason: "unterminated",
    offset: 0,
    partial: { contextEl2: 0x5f80 },
  });
  expect(items.at(-1)).toMatchObject({
    kind: "record",
    record: { contextEl2: 7, timestamp: LOAD.timestamp },
  });
});

test("an end lost in the middle of a packet costs the next record at most", () => {
  const torn = encodeRecord(LOAD).slice(0, 30);
  const bytes = new Uint8Array([...torn, ...encodeRecord(LOAD), ...encodeRecord({ ...LOAD, contextEl2: 7 })]);
  const items = [...decodeRecords(bytes)];
  expect(items.at(-1)).toMatchObject({ kind: "record", badBytes: 0, record: { ...LOAD, contextEl2: 7 } });
});

test("bad bytes are reported with their offset, and counted in the record around them", () => {
  const items = [...decodeRecords(fromHex("49 00 ff ff 01"))];
  expect(items).toMatchObject([
    { kind: "error", reason: "bad-bytes", offset: 2, size: 2 },
    { kind: "record", offset: 0, size: 5, badBytes: 2, record: { operation: { store: false } } },
  ]);
});

test("a record that is too large is refused", () => {
  const unknown = Array.from({ length: 300 }, () => ({
    kind: "address" as const,
    index: 9,
    extended: true,
    value: 0n,
  }));
  expect(() => encodeRecord({ unknown })).toThrow("record size is 3001");
  expect(() => encodeRecord({}, 3)).toThrow("alignment is 3");
});

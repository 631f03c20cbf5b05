import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryRecord } from "../testing/arbitrary-record.js";
import { mutated, randomBytes } from "../testing/random-bytes.js";
import { decodeRecords } from "./decode-records.js";
import { encodeRecord } from "./encode-record.js";
import { MAX_RECORD_SIZE, type RecordItem } from "./record.js";
import { RecordDecoder } from "./record-decoder.js";

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

test("records decode to what was encoded, at every alignment", () => {
  const alignment = fc.nat(8).map((shift) => 1 << shift);
  fc.assert(
    fc.property(fc.array(arbitraryRecord, { maxLength: 12 }), alignment, (records, to) => {
      const bytes = concatenated(records.map((record) => encodeRecord(record, to)));
      const items = [...decodeRecords(bytes)];
      expect(items.map((item) => item.kind === "record" && item.record)).toEqual(records);
      expect(bytes.length % to).toBe(0);
    }),
    { numRuns: 500 },
  );
});

/** Decodes in chunks, and checks that items cover the input: what no item has is padding, and is counted as that. */
function account(bytes: Uint8Array, chunk: number) {
  const decoder = new RecordDecoder();
  const sizes = { record: 0, error: 0, largest: 0 };
  // 1 in a record, ended or not; 2 in bad bytes, which may lie in a record.
  const covered = new Uint8Array(bytes.length);
  let last = 0;
  let badAlone = 0;
  const sink = (item: RecordItem) => {
    sizes[item.kind]++;
    const isBad = item.kind === "error" && item.reason === "bad-bytes";
    if (!isBad) sizes.largest = Math.max(sizes.largest, item.size);
    for (let at = item.offset; at < item.offset + item.size; at++) {
      const flag = isBad ? 2 : 1;
      if ((covered[at]! & flag) !== 0) throw new Error(`byte ${at} is told twice`);
      covered[at]! |= flag;
    }
    if (isBad) return;
    if (item.offset < last) throw new Error(`a record at ${item.offset}, before ${last}`);
    last = item.offset + item.size;
  };
  for (let at = 0; at < bytes.length; at += chunk) decoder.push(bytes.subarray(at, at + chunk), sink);
  decoder.end(sink);
  const { total, records, unterminated, padding, bad } = decoder.account;
  let inRecords = 0;
  let none = 0;
  for (const flags of covered) {
    if ((flags & 1) !== 0) inRecords++;
    else if (flags === 2) badAlone++;
    else none++;
  }
  expect({ total, inRecords, badAlone, none }).toEqual({
    total: bytes.length,
    inRecords: records + unterminated,
    badAlone: bad,
    none: padding,
  });
  expect(sizes.largest).toBeLessThanOrEqual(MAX_RECORD_SIZE);
  return sizes;
}

test("10 MB of random bytes: every byte is accounted for", () => {
  const sizes = account(randomBytes(10_000_000, 11), 60_000);
  expect(sizes.record).toBeGreaterThan(10_000);
  expect(sizes.error).toBeGreaterThan(100_000);
}, 60_000);

test("10 MB of a mutated stream: every byte is accounted for, and most records survive", () => {
  const [record] = fc.sample(arbitraryRecord, { seed: 5, numRuns: 1 });
  const records = fc.sample(arbitraryRecord, { seed: 6, numRuns: 400 });
  const part = concatenated([record!, ...records].map((each) => encodeRecord(each, 64)));
  const bytes = concatenated(Array.from({ length: Math.ceil(10_000_000 / part.length) }, () => part));
  const sizes = account(mutated(bytes, 1000, 3), 1 << 20);
  expect(sizes.record).toBeGreaterThan((bytes.length / part.length) * 350);
  expect(sizes.error).toBeGreaterThan(1000);
}, 60_000);

test("a record that never ends is given up at the largest size", () => {
  const bytes = new Uint8Array(20_000);
  for (let at = 0; at < bytes.length; at += 4) bytes.set([0x23, 0x98, 1, 0], at);
  const items = [...decodeRecords(bytes)];
  expect(items.every((item) => item.kind === "error" && item.size <= MAX_RECORD_SIZE)).toBe(true);
});

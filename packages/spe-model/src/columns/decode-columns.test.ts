import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeInstructionAddress } from "../address/encode-address.js";
import { encodeOperation } from "../operation/encode-operation.js";
import { encodePackets } from "../packet/encode-packets.js";
import { encodeRecord } from "../record/encode-record.js";
import type { DecodedRecord } from "../record/record.js";
import { RecordDecoder } from "../record/record-decoder.js";
import { arbitraryPackets } from "../testing/arbitrary-packet.js";
import { arbitraryRecord } from "../testing/arbitrary-record.js";
import { mutated, randomBytes } from "../testing/random-bytes.js";
import { decodeColumns } from "./decode-columns.js";
import { Present, RecordColumns } from "./record-columns.js";

interface Row {
  readonly offset: number;
  readonly size: number;
  readonly [field: string]: unknown;
}

function rowsOf(columns: RecordColumns): Row[] {
  return Array.from({ length: columns.count }, (_, row) => ({
    offset: columns.offset[row]!,
    size: columns.size[row]!,
    badBytes: columns.badBytes[row]!,
    pc: columns.pc[row],
    previousTarget: columns.previousTarget[row],
    context: [columns.contextEl1[row], columns.contextEl2[row]],
    operation: [columns.operationClass[row], columns.operationPayload[row]],
    events: columns.events[row],
    latency: [columns.total[row], columns.issue[row], columns.translation[row]],
    dataSource: columns.dataSource[row],
    timestamp: columns.timestamp[row],
    present: columns.present[row],
  }));
}

function expectedRow({ offset, size, badBytes, record }: DecodedRecord, row: Row): Row {
  const { operation, latency } = record;
  const encoded = operation ? encodeOperation(operation) : { class: 0, payload: 0 };
  // Address packets have bits that no record shows.
  const shown = ((1n << 56n) - 1n) | (0xfn << 60n);
  const instruction = (name: "pc" | "previousTarget") => {
    const own = record[name] ? encodeInstructionAddress(record[name]) : 0n;
    return own | ((row[name] as bigint) & ~shown);
  };
  const bit = (set: unknown, of: number) => (set === undefined ? 0 : of);
  return {
    offset,
    size,
    badBytes,
    pc: instruction("pc"),
    previousTarget: instruction("previousTarget"),
    context: [record.contextEl1 ?? 0, record.contextEl2 ?? 0],
    operation: [encoded.class, encoded.payload],
    events: record.events?.bits ?? 0n,
    latency: [latency?.total ?? 0, latency?.issue ?? 0, latency?.translation ?? 0],
    dataSource: Number(BigInt.asUintN(32, record.dataSource?.value ?? 0n)),
    timestamp: record.timestamp ?? 0n,
    present:
      bit(record.pc, Present.pc) |
      bit(record.target, Present.target) |
      bit(record.previousTarget, Present.previousTarget) |
      bit(record.dataVirtual, Present.dataVirtual) |
      bit(record.dataPhysical, Present.dataPhysical) |
      bit(record.contextEl1, Present.contextEl1) |
      bit(record.contextEl2, Present.contextEl2) |
      bit(operation, Present.operation) |
      bit(record.events, Present.events) |
      bit(latency?.total, Present.total) |
      bit(latency?.issue, Present.issue) |
      bit(latency?.translation, Present.translation) |
      bit(record.dataSource, Present.dataSource) |
      bit(record.timestamp, Present.timestamp) |
      bit(record.unknown, Present.unknown),
  };
}

function compare(bytes: Uint8Array, base: number, capacity: number): void {
  const decoder = new RecordDecoder({ base });
  const records: DecodedRecord[] = [];
  const sink = (item: { kind: string }) => item.kind === "record" && records.push(item as DecodedRecord);
  decoder.push(bytes, sink);
  decoder.end(sink);
  const columns = new RecordColumns(capacity);
  const rows: Row[] = [];
  for (let from = 0; from < bytes.length; ) {
    from = decodeColumns(bytes, columns, { from, base });
    rows.push(...rowsOf(columns));
    columns.clear();
  }
  expect(rows).toEqual(records.map((record, n) => expectedRow(record, rows[n]!)));
  expect({ ...columns.account, total: bytes.length }).toEqual(decoder.account);
}

test("columns say what the record decoder says, of records, packets and any bytes", () => {
  const records = fc
    .array(arbitraryRecord, { maxLength: 10 })
    .map((list) => Uint8Array.from(list.flatMap((record) => [...encodeRecord(record, 8)])));
  const inputs = fc.oneof(records, arbitraryPackets.map(encodePackets), fc.uint8Array({ maxLength: 400 }));
  fc.assert(fc.property(inputs, fc.nat(0xffff), fc.integer({ min: 1, max: 5 }), compare), { numRuns: 2000 });
});

test("columns say the same of mutated records and of random bytes", () => {
  const records = fc.sample(arbitraryRecord, { seed: 3, numRuns: 300 });
  const bytes = Uint8Array.from(records.flatMap((record) => [...encodeRecord(record, 32)]));
  for (const every of [5, 20, 100]) compare(mutated(bytes, every, every), 0, 64);
  compare(randomBytes(200_000, 9), 3, 1000);
});

test("a record that ends in megabytes of padding or of bad bytes holds nothing up", () => {
  for (const filler of [0, 0xff]) {
    const bytes = new Uint8Array(1 << 20).fill(filler);
    bytes.set([0x49, 0x00]);
    bytes.set([0x49, 0x01, 0x01], bytes.length - 3);
    compare(bytes, 0, 10);
    const columns = new RecordColumns(10);
    const stopped = decodeColumns(bytes.subarray(0, 128 * 1024), columns, { final: false });
    expect(stopped).toBe(128 * 1024);
    expect(columns.account.unterminated).toBe(2048);
  }
});

test("an input in parts gives the rows of the whole", () => {
  const records = fc.sample(arbitraryRecord, { seed: 4, numRuns: 3000 });
  const bytes = mutated(Uint8Array.from(records.flatMap((record) => [...encodeRecord(record)])), 100, 2);
  const whole = new RecordColumns(10_000);
  decodeColumns(bytes, whole);
  const parts = new RecordColumns(10_000);
  for (let at = 0, size = 5000; at < bytes.length; ) {
    const final = at + size >= bytes.length;
    at += decodeColumns(bytes.subarray(at, at + size), parts, { base: at % 65_536, offset: at, final });
  }
  expect(rowsOf(parts)).toEqual(rowsOf(whole));
  expect(parts.account).toEqual(whole.account);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalAddress } from "../address/address.js";
import { decodeColumns } from "../columns/decode-columns.js";
import { RecordColumns } from "../columns/record-columns.js";
import { dataSourceName } from "../data-source/data-source-name.js";
import { eventNames } from "../events/event-bit.js";
import { encodeOperation } from "../operation/encode-operation.js";
import { encodeRecord } from "../record/encode-record.js";
import { operationName } from "../statistics/operation-name.js";
import { arbitraryRecord } from "../testing/arbitrary-record.js";
import { CSV_HEADER, csvLine, recordRow } from "./record-csv.js";

const hex = (value: bigint) => `0x${value.toString(16)}`;

test("a row says what the record has, and null for what it has not", () => {
  fc.assert(
    fc.property(arbitraryRecord, (record) => {
      const columns = new RecordColumns(1);
      decodeColumns(encodeRecord(record), columns);
      const { pc, target, dataVirtual, dataPhysical, events, latency, dataSource, timestamp } = record;
      const operation = record.operation && encodeOperation(record.operation);
      const source = dataSource && BigInt.asUintN(32, dataSource.value);
      const expected = {
        offset: 0,
        operation: operation ? operationName(operation.class, operation.payload) : null,
        pc: pc ? hex(canonicalAddress(pc.address)) : null,
        el: pc ? pc.el : null,
        target: target ? hex(canonicalAddress(target.address)) : null,
        va: dataVirtual ? hex(canonicalAddress(dataVirtual.address)) : null,
        pa: dataPhysical ? hex(dataPhysical.address) : null,
        events: events ? eventNames(events.bits).join(" ") : null,
        total: latency?.total ?? null,
        issue: latency?.issue ?? null,
        translation: latency?.translation ?? null,
        source: source === undefined ? null : (dataSourceName(source) ?? hex(source)),
        context: record.contextEl1 ?? record.contextEl2 ?? null,
        timestamp: timestamp === undefined ? null : `${timestamp}`,
      };
      expect(recordRow(columns, 0)).toEqual(expected);
      const values = CSV_HEADER.split(",").map((name) => expected[name as keyof typeof expected] ?? "");
      expect(csvLine(columns, 0)).toBe(values.join(","));
    }),
    { numRuns: 300 },
  );
});

test("a data source has a name only where the CPU's numbers are the common ones", () => {
  const columns = new RecordColumns(1);
  decodeColumns(encodeRecord({ dataSource: { value: 8n, width: 1 } }), columns);
  expect(recordRow(columns, 0).source).toBe("L2");
  expect(recordRow(columns, 0, "ampereone").source).toBe("0x8");
  expect(recordRow(columns, 0, null).source).toBe("0x8");
});

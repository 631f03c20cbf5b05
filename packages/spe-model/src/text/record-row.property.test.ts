import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeColumns } from "../columns/decode-columns.js";
import { RecordColumns } from "../columns/record-columns.js";
import { encodeRecord } from "../record/encode-record.js";
import { arbitraryRecord } from "../testing/arbitrary-record.js";
import { parseCsvLine, recordOfRow } from "./parse-record-row.js";
import { csvLine, type RecordRow, recordRow } from "./record-csv.js";

function columnsOf(bytes: Uint8Array): RecordColumns {
  const columns = new RecordColumns(1);
  decodeColumns(bytes, columns);
  return columns;
}

test("the record of a row has that row again, from JSON and from CSV, and is no longer", () => {
  fc.assert(
    fc.property(arbitraryRecord, (record) => {
      const bytes = encodeRecord(record);
      const columns = columnsOf(bytes);
      const row = recordRow(columns, 0);
      const again = encodeRecord(recordOfRow(row));
      expect(recordRow(columnsOf(again), 0)).toEqual(row);
      expect(again.length).toBeLessThanOrEqual(bytes.length);
      const line = csvLine(columns, 0);
      expect(csvLine(columnsOf(encodeRecord(recordOfRow(parseCsvLine(line)))), 0)).toBe(line);
    }),
  );
});

const none = parseCsvLine(",,,,,,,,,,,,,");

test.each<[Partial<RecordRow>, string]>([
  [{ operation: "laod" }, "operation is laod; allowed is a name that decoding gives"],
  [{ events: "retired odd" }, "events is odd"],
  [{ total: "many" }, "total is many; allowed is a whole number"],
  [{ source: "L9" }, "source is L9"],
])("a row that no record has is refused: %j", (row, message) => {
  expect(() => recordOfRow({ ...none, ...row })).toThrow(message);
});

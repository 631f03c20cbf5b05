import fc from "fast-check";
import { expect, test } from "vitest";
import { vectors } from "../../vectors/read-vectors.js";
import { decodeColumns } from "../columns/decode-columns.js";
import { RecordColumns } from "../columns/record-columns.js";
import { CSV_HEADER, csvLine, recordRow } from "../text/record-csv.js";
import { Histogram, histogramLines } from "./histogram.js";
import { SpeStatistics } from "./spe-statistics.js";
import { statisticsLines } from "./statistics-lines.js";
import { TopCounter } from "./top-counter.js";

function columnsOf(name: string): RecordColumns {
  const columns = new RecordColumns(100);
  decodeColumns(vectors[name]!.bytes, columns);
  return columns;
}

test("two records of a Neoverse core in figures", () => {
  const columns = columnsOf("neoverse-el2");
  const statistics = new SpeStatistics();
  statistics.addColumns(columns);
  statistics.addAccount(columns.account);
  statistics.addNote({ truncated: true, partial: true, collision: false });
  expect(statisticsLines(statistics)).toEqual([
    "2 records in 128 bytes",
    "0 bytes in records without an end, 0 in no packet, 0 of padding between records",
    "AUX records: 1 truncated, 1 partial, 0 with collisions",
    "",
    "Operations",
    "  branch conditional  1  50.0%",
    "  load                1  50.0%",
    "",
    "Events",
    "  retired    2 100.0%",
    "  l1dAccess  1  50.0%",
    "  notTaken   1  50.0%",
    "  tlbAccess  1  50.0%",
    "",
    "Data sources",
    "  L1D  1",
    "",
    "Latency, total: mean 14.5, median up to 15, 99% up to 17, most 17 cycles",
    "   8-15 cycles 1  50.0% ########################################",
    "  16-31 cycles 1  50.0% ########################################",
    "",
    "Latency, issue: mean 10.0, median up to 7, 99% up to 16, most 16 cycles",
    "    4-7 cycles 1  50.0% ########################################",
    "   8-15 cycles 0   0.0%",
    "  16-31 cycles 1  50.0% ########################################",
    "",
    "Latency, translation: mean 1.0, median up to 1, 99% up to 1, most 1 cycles",
    "  1 cycles 1 100.0% ########################################",
    "",
    "Hottest pages of data",
    "  0xffff0e3703096000  1  50.0%",
    "",
    "Longest pauses between records",
    "  95 ticks before byte 64",
  ]);
});

test("records as rows and as CSV", () => {
  const columns = columnsOf("neoverse-el2");
  expect(CSV_HEADER).toBe(
    "offset,operation,pc,el,target,va,pa,events,total,issue,translation,source,context,timestamp",
  );
  expect(csvLine(columns, 0)).toBe(
    "0,load,0xffffba66eda1c2d0,2,,0xffff0e3703096b28,,retired l1dAccess tlbAccess,12,4,1,L1D,24448,44731163950",
  );
  expect(recordRow(columns, 1)).toMatchObject({
    operation: "branch conditional",
    va: null,
    target: "0xffffba66edefb0e4",
  });
});

test("a summary survives JSON", () => {
  const statistics = new SpeStatistics();
  statistics.addColumns(columnsOf("arm-telemetry"));
  const summary = statistics.summary();
  expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
});

test("a histogram's buckets hold what they say, and its quantiles are not below the value", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(70_000), { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const exact = [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
        expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exact);
        expect(histogram.buckets.reduce((sum, count) => sum + count, 0)).toBe(values.length);
        expect(histogram.buckets[0] ?? 0).toBe(values.filter((value) => value === 0).length);
      },
    ),
  );
  expect(histogramLines(new Histogram(), "cycles")).toEqual(["(none)"]);
});

test("with few keys counts are exact; with many they are upper bounds within the error", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(60), { maxLength: 400 }), fc.integer({ min: 2, max: 80 }), (keys, room) => {
      const counter = new TopCounter(room);
      const exact = new Map<number, number>();
      for (const key of keys) {
        counter.add(BigInt(key));
        exact.set(key, (exact.get(key) ?? 0) + 1);
      }
      if (room > 60) expect(counter.error).toBe(0);
      const top = counter.top(1000);
      expect(top.length).toBeLessThanOrEqual(room);
      for (const { key, count } of top) {
        expect(count).toBeGreaterThanOrEqual(exact.get(Number(key))!);
        expect(count - counter.error).toBeLessThanOrEqual(exact.get(Number(key))!);
      }
    }),
  );
});

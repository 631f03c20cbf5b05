import { expect, test } from "vitest";
import { PMSCR, PMSIDR } from "../registers/spe-registers.js";
import type { ExecutedOperation } from "./executed-operation.js";
import { sampleRecord } from "./sample-record.js";

const LOAD: ExecutedOperation = {
  pc: 0xffff_8000_1234_5678n,
  operation: { class: "memory", subclass: "general", store: false },
  events: 0x16n,
  latency: { total: 70_000, issue: 5000, translation: 4096 },
  dataVirtual: 0x4200_0000_1000_0000n,
  dataPhysical: 0x8000_0000n,
  dataSource: 0xe,
};
const CONTEXT = { el: 1, contextId: 77, timestamp: 123n };
const ALL = PMSCR.encode({ TS: 1, PA: 1, CX: 1 });
const SHORT = PMSIDR.encode({ COUNTSIZE: 2 });

test("a record has what the operation did, its tag, and the level it ran at", () => {
  expect(sampleRecord(LOAD, CONTEXT, ALL, SHORT)).toMatchObject({
    pc: { address: 0xff_8000_1234_5678n, el: 1, ns: true },
    dataVirtual: { address: 0x1000_0000n, tag: 0x42 },
    dataPhysical: { address: 0x8000_0000n, ns: true },
    contextEl1: 77,
    timestamp: 123n,
    dataSource: { value: 0xen, width: 1 },
  });
});

test.each([
  ["TS", "timestamp"],
  ["PA", "dataPhysical"],
  ["CX", "contextEl1"],
] as const)("PMSCR_EL1.%s lets in the %s", (field, part) => {
  const without = PMSCR.encode({ TS: 1, PA: 1, CX: 1, [field]: 0 });
  const record = sampleRecord(LOAD, CONTEXT, without, SHORT);
  expect(record).not.toHaveProperty(part);
  expect(Object.keys(record)).toHaveLength(Object.keys(sampleRecord(LOAD, CONTEXT, ALL, SHORT)).length - 1);
});

test("latencies saturate at 12 bits, or at 16 where PMSIDR_EL1.COUNTSIZE says so", () => {
  const latency = (COUNTSIZE: number) =>
    sampleRecord(LOAD, CONTEXT, ALL, PMSIDR.encode({ COUNTSIZE })).latency;
  expect(latency(2)).toEqual({ total: 4095, issue: 4095, translation: 4095 });
  expect(latency(3)).toEqual({ total: 65_535, issue: 5000, translation: 4096 });
});

test("payloads are as wide as they have to be", () => {
  const widths = (events: bigint, dataSource: number) => {
    const record = sampleRecord({ ...LOAD, events, dataSource }, CONTEXT, ALL, SHORT);
    return [record.events?.width, record.dataSource?.width];
  };
  expect(widths(0xffffn, 0xff)).toEqual([2, 1]);
  expect(widths(0x1_0000n, 0x100)).toEqual([4, 2]);
  expect(widths(0x1_0000_0000n, 0)).toEqual([8, 1]);
});

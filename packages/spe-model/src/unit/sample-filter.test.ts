import { describe, expect, test } from "vitest";
import type { SampledOperation } from "../operation/operation.js";
import { PMSFCR } from "../registers/spe-registers.js";
import type { ExecutedOperation } from "./executed-operation.js";
import { type FilterRegisters, passesFilters } from "./sample-filter.js";

const memory = (store: boolean, subclass: "general" | "simd-fp" = "general"): SampledOperation => ({
  class: "memory",
  subclass,
  store,
});
const ordered = (store: boolean, atomic: boolean): SampledOperation => ({
  class: "memory",
  subclass: "extended",
  store,
  atomic,
  exclusive: false,
  acquireRelease: !atomic,
});
const other = (simd: boolean, floatingPoint: boolean): SampledOperation => ({
  class: "other",
  subclass: "other",
  simd,
  floatingPoint,
  conditional: false,
});

const OPERATIONS = {
  load: memory(false),
  store: memory(true),
  atomic: ordered(true, true),
  release: ordered(true, false),
  "vector load": memory(false, "simd-fp"),
  "SVE store": {
    class: "memory",
    subclass: "sve",
    store: true,
    vectorLength: 128,
    predicated: false,
    gatherScatter: false,
  },
  branch: {
    class: "branch",
    conditional: true,
    indirect: false,
    gcs: false,
    callReturn: "unknown",
    reserved: 0,
  },
  integer: other(false, false),
  float: other(false, true),
  SIMD: other(true, false),
  "SVE float": { class: "other", subclass: "sve", vectorLength: 128, floatingPoint: true, predicated: false },
} as const satisfies Record<string, SampledOperation>;

function executed(more: Partial<ExecutedOperation> = {}): ExecutedOperation {
  return { pc: 0n, operation: OPERATIONS.load, events: 0n, latency: { total: 100, issue: 10 }, ...more };
}

function passes(
  fields: Parameters<typeof PMSFCR.encode>[0],
  operation: ExecutedOperation,
  more: Partial<FilterRegisters> = {},
): boolean {
  const registers = { PMSEVFR_EL1: 0n, PMSNEVFR_EL1: 0n, PMSLATFR_EL1: 0n, PMSDSFR_EL1: 0n, ...more };
  return passesFilters(operation, { PMSFCR_EL1: PMSFCR.encode(fields), ...registers });
}

describe("the filter by type", () => {
  const all = Object.keys(OPERATIONS);
  test.each([
    ["nothing, for which nothing passes", {}, []],
    ["loads", { LD: 1 }, ["load", "atomic", "vector load"]],
    ["stores", { ST: 1 }, ["store", "atomic", "release", "SVE store"]],
    ["branches", { B: 1 }, ["branch"]],
    ["branches or loads", { B: 1, LD: 1 }, ["load", "atomic", "vector load", "branch"]],
    ["vectors", { SIMD: 1 }, ["vector load", "SVE store", "SIMD", "SVE float"]],
    ["floating point", { FP: 1 }, ["vector load", "float", "SVE float"]],
    ["what loads and stores", { LD: 1, LDm: 1, ST: 1, STm: 1 }, ["atomic"]],
    ["loads of vectors", { LD: 1, LDm: 1, SIMD: 1, SIMDm: 1 }, ["vector load"]],
    ["loads that are no stores", { LD: 1, LDm: 1, STm: 1 }, ["load", "vector load"]],
    ["no branches", { Bm: 1 }, all.filter((name) => name !== "branch")],
    [
      "no floating point",
      { FPm: 1 },
      all.filter((name) => !["vector load", "float", "SVE float"].includes(name)),
    ],
    ["branches or loads, but no vectors", { B: 1, LD: 1, SIMDm: 1 }, ["load", "atomic", "branch"]],
  ])("lets through, asked for %s", (_, fields, expected) => {
    const passing = Object.entries(OPERATIONS).filter(([, operation]) =>
      passes({ FT: 1, ...fields }, executed({ operation })),
    );
    expect(passing.map(([name]) => name)).toEqual(expected);
  });

  test("lets all through where it is off", () => {
    for (const operation of Object.values(OPERATIONS))
      expect(passes({ B: 1 }, executed({ operation }))).toBe(true);
  });
});

test("the filter by events wants all of its events, the inverted one none of its own", () => {
  const operation = executed({ events: 0b0110n });
  for (const [wanted, passed] of [
    [0b0110n, true],
    [0b0010n, true],
    [0b1010n, false],
    [0b1000n, false],
  ] as const)
    expect(passes({ FE: 1 }, operation, { PMSEVFR_EL1: wanted })).toBe(passed);
  expect(passes({ FnE: 1 }, operation, { PMSNEVFR_EL1: 0b1001n })).toBe(true);
  expect(passes({ FnE: 1 }, operation, { PMSNEVFR_EL1: 0b1010n })).toBe(false);
  expect(passes({ FL: 1 }, operation, { PMSEVFR_EL1: 0b1000n, PMSNEVFR_EL1: 0b0010n })).toBe(true);
});

test("the filter by latency lets through what took as long, and longer", () => {
  const least = (MINLAT: bigint) => passes({ FL: 1 }, executed(), { PMSLATFR_EL1: MINLAT });
  expect([99n, 100n, 101n].map(least)).toEqual([true, true, false]);
});

test("the filter by data source looks at sources 0 to 63, of what has one", () => {
  const from = (dataSource: number | undefined, sources: bigint) =>
    passes({ FDS: 1 }, executed(dataSource === undefined ? {} : { dataSource }), { PMSDSFR_EL1: sources });
  expect(from(0, 1n)).toBe(true);
  expect(from(1, 1n)).toBe(false);
  expect(from(63, 1n << 63n)).toBe(true);
  expect(from(63, 1n)).toBe(false);
  expect(from(40, 1n)).toBe(false);
  expect(from(64, 0n)).toBe(true);
  expect(from(undefined, 0n)).toBe(true);
});

test("all filters that are on have to pass", () => {
  const registers = { PMSEVFR_EL1: 2n, PMSLATFR_EL1: 100n };
  const fields = { FT: 1, LD: 1, FE: 1, FL: 1 };
  expect(passes(fields, executed({ events: 2n }), registers)).toBe(true);
  expect(passes(fields, executed({ events: 1n }), registers)).toBe(false);
  expect(passes(fields, executed({ events: 2n, operation: OPERATIONS.store }), registers)).toBe(false);
  expect(passes(fields, executed({ events: 2n, latency: { total: 99, issue: 1 } }), registers)).toBe(false);
});

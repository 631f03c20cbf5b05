import { expect, test } from "vitest";
import { benchmarkLines, words } from "./benchmark-tables.js";

test("what is said once is a paragraph, and records are a table with their numbers to the right", () => {
  const document = {
    unit: "CPU ns each",
    tools: { node: "v20.20.2", cpu: "AMD EPYC" },
    curves: [
      { memslots: 1, lookup: 82.456 },
      { memslots: 32764, lookup: 245 },
    ],
  };
  expect(benchmarkLines(document)).toEqual([
    "Unit: CPU ns each. Tools: node v20.20.2, cpu AMD EPYC.",
    "",
    "### curves",
    "",
    "| memslots | lookup |\n| ---: | ---: |\n| 1 | 82.5 |\n| 32,764 | 245 |",
  ]);
});

test("a part stands under the heading that it was given, or under none", () => {
  const document = { rows: [{ a: 1 }], growth: [{ b: 2 }] };
  expect(benchmarkLines(document, { rows: "", growth: "Growth:" })).toEqual([
    "",
    "| a |\n| ---: |\n| 1 |",
    "",
    "Growth:",
    "",
    "| b |\n| ---: |\n| 2 |",
  ]);
});

test("fields of a field have columns of their own, and what nobody has is left out", () => {
  const rows = [
    { model: "ring", spin: { states: 83, trail: null }, isWrong: false },
    { model: "fault", spin: null, isWrong: true },
  ];
  expect(benchmarkLines({ rows }, { rows: "" })).toEqual([
    "",
    "| model | spin states | is wrong |\n| --- | ---: | --- |\n| ring | 83 | no |\n| fault |  | yes |",
  ]);
});

test("a record has a row for each of its fields, figure or record", () => {
  expect(benchmarkLines({ faults: { mapByPages: { seconds: 0.123456 } } })).toEqual([
    "",
    "### faults",
    "",
    "|  | seconds |\n| --- | ---: |\n| map by pages | 0.123 |",
  ]);
  expect(benchmarkLines({ "a mapping of 1 TiB": { "mmap, us": 501 } })).toEqual([
    "",
    "### a mapping of 1 TiB",
    "",
    "|  | figure |\n| --- | ---: |\n| mmap, us | 501 |",
  ]);
});

test("a table of too many figures has them one below the other", () => {
  const record = { slots: 8, a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7 };
  const [, , , drawn] = benchmarkLines({ curves: [record, { ...record, slots: 64 }] });
  expect(drawn!.split("\n").slice(0, 3)).toEqual([
    "| slots | 8 | 64 |",
    "| --- | ---: | ---: |",
    "| a | 1 | 1 |",
  ]);
});

test("a name in camel case is told in words, a unit as it is", () => {
  expect(words("cpuSeconds")).toBe("cpu seconds");
  expect(words("a mapping of 1 TiB")).toBe("a mapping of 1 TiB");
});

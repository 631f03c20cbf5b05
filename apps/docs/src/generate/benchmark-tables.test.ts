import { expect, test } from "vitest";
import { benchmarkLines } from "./benchmark-tables.js";

test("what is said once is a list, and records are a table with their numbers to the right", () => {
  const document = {
    unit: "CPU ns each",
    tools: { node: "v20.20.2", cpu: "AMD EPYC" },
    curves: [
      { memslots: 1, lookup: 82.456 },
      { memslots: 32764, lookup: 245 },
    ],
  };
  expect(benchmarkLines(document)).toEqual([
    "- unit: CPU ns each",
    "- tools: node v20.20.2; cpu AMD EPYC",
    "",
    "### curves",
    "",
    "| memslots | lookup |\n| ---: | ---: |\n| 1 | 82.5 |\n| 32,764 | 245 |",
  ]);
});

test("fields of a field have columns of their own, and what nobody has is left out", () => {
  const rows = [
    { model: "ring", spin: { states: 83, trail: null }, isWrong: false },
    { model: "fault", spin: null, isWrong: true },
  ];
  expect(benchmarkLines(rows)).toEqual([
    "| model | spin states | is wrong |\n| --- | ---: | --- |\n| ring | 83 | no |\n| fault |  | yes |",
  ]);
});

test("a record of records has a row for each", () => {
  expect(benchmarkLines({ faults: { mapByPages: { seconds: 0.123456 } } })).toEqual([
    "",
    "### faults",
    "",
    "|  | seconds |\n| --- | ---: |\n| map by pages | 0.123 |",
  ]);
});

import { expect, test } from "vitest";
import { laneRows } from "../race/lane-rows.js";
import { runScenario } from "../run/run-scenario.js";
import { speRaces } from "./spe-races.js";

const RFC = "gmem-ignore-notifiers-rfc";
const scenarioOf = (name: string) => speRaces.find((race) => race.name === name)!.scenario;

test("a record is lost to a scan of NUMA balancing on guest_memfd, and SPE's write is the last step", () => {
  const { verdict, violations } = runScenario(scenarioOf("spe-numa@gmem"));
  expect(verdict).toBe("breaks");
  const [{ property, text, race }] = violations as [(typeof violations)[number]];
  expect(property).toBe("the profiling buffer stays mapped");
  expect(text).toMatch(/^a record for page 0 of the buffer is lost to a translation level \d fault/);
  const rows = laneRows(race!);
  expect(rows.at(-1)).toMatchObject({ thread: "spe", call: "spe_write", isWrong: true });
  expect(new Set(rows.map(({ thread }) => thread))).toEqual(new Set(["spe", "kernel"]));
});

test.each([
  ["spe-numa@gmem", [RFC], "holds"],
  ["spe-numa@anon", [], "breaks"],
  ["spe-numa@anon", [RFC], "breaks"],
  ["spe-numa@anon-pinned", [], "holds"],
] as const)("%s with %o: %s", (name, patches, verdict) => {
  const result = runScenario(scenarioOf(name), { patches });
  expect(result.notModelled).toEqual([]);
  expect(result.verdict).toBe(verdict);
  expect(result.exploration?.complete).toBe(verdict === "holds");
});

test("a record is lost between break and make of the block that maps the buffer", () => {
  const { violations } = runScenario(scenarioOf("spe-split@thp"));
  const [{ text, race }] = violations as [(typeof violations)[number]];
  expect(text).toContain("translation level 2");
  const rows = laneRows(race!, { all: true });
  const block = "stage 2 of gfn 0x80000";
  const breaks = rows.findIndex(
    ({ function: fn, changed }) =>
      fn === "stage2_try_set_pte" && changed.some(({ name, after }) => name === block && after === "none"),
  );
  const makes = rows.findIndex(
    ({ function: fn, changed }) =>
      fn === "stage2_make_pte" && changed.some(({ name, before }) => name === block && before === "none"),
  );
  const writes = rows.flatMap(({ thread }, at) => (thread === "spe" ? [at] : []));
  expect(breaks).toBeGreaterThanOrEqual(0);
  expect(writes).toHaveLength(1);
  expect(writes[0]).toBeGreaterThan(breaks);
  expect(makes).toBeGreaterThan(writes[0]!);
});

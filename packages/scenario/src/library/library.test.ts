import { expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import type { Recording } from "../format/recording.js";
import type { Step } from "../format/step.js";
import { runScenario } from "../run/run-scenario.js";
import { hostOperations, library } from "./library.js";

/** What only asks, or only takes longer, changes nothing. */
function essence(steps: readonly Step[]): readonly unknown[] {
  return steps
    .filter(
      ({ call, args }) =>
        call !== "get_mempolicy" && !(call === "move_pages" && args?.["node"] === undefined),
    )
    .map(({ call, args = {} }) => {
      const { ms: _, ...rest } = args;
      const left = Object.entries(rest).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
      return { call, args: Object.fromEntries(left.sort(([a], [b]) => (a < b ? -1 : 1))) };
    });
}

const recordings = new Map<string, Recording>(
  allRecordings.map(({ recording }) => [recording.id, recording]),
);

test("each built-in scenario that names a recording does what was recorded", () => {
  const all = [...library, ...hostOperations];
  const compared = all.filter(({ recordedAs }) => recordings.has(recordedAs));
  expect(compared.length).toBeGreaterThan(400);
  for (const { name, recordedAs, scenario } of compared) {
    expect(essence(scenario.steps), name).toEqual(essence(recordings.get(recordedAs)!.steps));
  }
});

test("names in the library are unique", () => {
  expect(new Set(hostOperations.map(({ name }) => name)).size).toBe(hostOperations.length);
  expect(new Set(library.map(({ name }) => name)).size).toBe(library.length);
});

test("every built-in scenario runs on the newest kernel, breaks nothing, and uses the guest's memory before the operation", () => {
  for (const entry of library) {
    const run = runScenario(entry.scenario);
    expect(run.notModelled, entry.name).toEqual([]);
    expect(run.violations, entry.name).toEqual([]);
    expect(run.steps[entry.operation.first - 1]?.mapped, entry.name).toBe(16);
  }
});

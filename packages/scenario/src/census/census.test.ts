import type { Arm64Mmu } from "@kvmm/arm64-stage2";
import { exit, modelledAgeingSites, modelledRangeSites } from "@kvmm/mm-core";
import { expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import { conform } from "../conform/conform.js";
import type { Recording } from "../format/recording.js";
import { newestKernel } from "../kernels/kernels.js";
import { runScenario } from "../run/run-scenario.js";
import { World } from "../run/world.js";
import { census, censusCounts, censusRows } from "./census.js";

function sitesOf(recording: Recording): ReadonlySet<string> {
  const { observed } = recording;
  return new Set(observed.flatMap(({ notifiers }) => (notifiers ?? []).map(({ site }) => site)));
}

const occurring = new Set(allRecordings.flatMap(({ recording }) => [...sitesOf(recording)]));
const recordedRows = census.flatMap((row) =>
  row.status.kind === "recorded" ? [{ row, status: row.status, name: row.functions.join() }] : [],
);

test("the 35 range sites are there, each once", () => {
  const numbers = census.flatMap(({ number }) => (number === undefined ? [] : [number]));
  expect(numbers).toEqual(Array.from({ length: 35 }, (_, index) => index + 1));
});

test.each(recordedRows)(
  "$name occurs in the recordings that are named, and the model reproduces them",
  ({ row, status }) => {
    const names = [...row.functions, ...(row.inlinedInto ?? [])];
    for (const id of status.ids) {
      const named = allRecordings.filter(({ recording }) => recording.id === id);
      const own = named.filter(({ recording }) => names.some((name) => sitesOf(recording).has(name)));
      expect(own.length, id).toBeGreaterThan(0);
      const inputs = own.map(({ file, recording }) => ({ file, line: 1, recording }));
      const { counts } = conform(inputs, { run: runScenario });
      expect(counts, id).toEqual({ reproduced: own.length, differ: 0, notModelled: 0 });
    }
  },
);

test("where DAMON samples at random, the model raises the same sites", () => {
  const ids = new Set(recordedRows.flatMap(({ status }) => status.siteOnly ?? []));
  for (const id of ids) {
    const { recording } = allRecordings.find((one) => one.recording.id === id)!;
    const { machine, steps } = recording;
    const { observed } = runScenario({ machine, steps });
    expect(sitesOf({ ...recording, observed }), id).toEqual(sitesOf(recording));
  }
});

test("a recorded row names recordings", () => {
  for (const { status, name } of recordedRows) {
    expect(status.ids.length + (status.siteOnly?.length ?? 0), name).toBeGreaterThan(0);
  }
});

const fromSourceRows = census.flatMap((row) =>
  row.status.kind === "from source" ? [{ row, status: row.status, name: row.functions.join() }] : [],
);

test.each(fromSourceRows.filter(({ status }) => status.scenario !== null))(
  "$name is raised by the model, in the scenario that its row gives",
  ({ row, status }) => {
    const { observed, notModelled, violations } = runScenario(status.scenario!);
    expect([notModelled, violations]).toEqual([[], []]);
    const sites = observed.flatMap(({ notifiers }) => (notifiers ?? []).map(({ site }) => site));
    expect(row.functions.some((name) => sites.includes(name))).toBe(true);
  },
);

test("exit_mmap releases: stage 2 of a VM whose address space goes is no more", () => {
  expect(fromSourceRows.filter(({ status }) => status.scenario === null).map(({ name }) => name)).toEqual([
    "exit_mmap",
  ]);
  const { vmm, kvm } = new World({ arch: "arm64" }, newestKernel().behaviour);
  const { hasTables } = kvm.mmu as Arm64Mmu;
  expect(hasTables.peek()).toBe(true);
  exit(vmm);
  expect(hasTables.peek()).toBe(false);
});

test("every site that occurs in a recording is a row, and is said to be recorded", () => {
  expect(occurring.size).toBeGreaterThan(25);
  for (const site of occurring) {
    const kinds = censusRows(site).map(({ status }) => status.kind);
    expect(kinds, site).toContain("recorded");
    expect(new Set(kinds).size, site).toBe(1);
  }
});

test("every site that the model can raise is a row, and no row that the model cannot raise claims that it does", () => {
  const modelled: readonly string[] = [...modelledRangeSites, ...modelledAgeingSites, "exit_mmap"];
  for (const site of modelled) {
    const kinds = censusRows(site).map(({ status }) => status.kind);
    expect(["recorded", "from source"], site).toContain(kinds[0]);
  }
  for (const { functions, inlinedInto = [], status } of census) {
    const raised = [...functions, ...inlinedInto].some((name) => modelled.includes(name));
    expect(raised, functions.join()).toBe(status.kind === "recorded" || status.kind === "from source");
  }
});

test("what is from source occurs in no recording", () => {
  for (const { functions, inlinedInto = [], status } of census) {
    if (status.kind === "recorded") continue;
    const names = [...functions, ...inlinedInto];
    expect(
      names.filter((name) => occurring.has(name)),
      functions.join(),
    ).toEqual([]);
  }
});

test("the counts", () => {
  expect(censusCounts()).toMatchInlineSnapshot(`
    {
      "from source": 16,
      "out of scope": 7,
      "recorded": 26,
    }
  `);
});

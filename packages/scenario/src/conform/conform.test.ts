import { expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import type { Observation } from "../format/observation.js";
import type { RunResult, RunScenario } from "../model.js";
import { NotBuiltIn } from "../model.js";
import { conform } from "./conform.js";

const inputs = allRecordings.map(({ file, recording }, index) => ({ file, line: index + 1, recording }));

/** A model that says what it is given, one answer after the other. */
function saying(answers: readonly (readonly Observation[])[], more: Partial<RunResult> = {}): RunScenario {
  let next = 0;
  return (scenario) => ({
    kernel: "7.2",
    arch: "arm64",
    patches: [],
    seed: 0,
    verdict: "holds",
    sentence: "",
    observed: answers[next++] ?? [],
    steps: scenario.steps.map(() => ({ decisions: [{ fn: "f", text: "decided" }] })),
    notModelled: [],
    notCovered: [],
    warnings: [],
    violations: [],
    ...more,
  });
}

test("all recordings are reproduced by a model that says what they say, group by group", () => {
  const run = saying(inputs.map(({ recording }) => recording.observed));
  const { counts, groups } = conform(inputs, { run });
  expect(counts).toEqual({ reproduced: 2572, differ: 0, notModelled: 0 });
  expect(
    groups.map(({ kernel, config, patches, counts: own }) => [
      kernel,
      config,
      patches.join(),
      own.reproduced,
    ]),
  ).toEqual([
    ["7.2.13+deb14-arm64", "", "", 1481],
    ["7.2.13-lab", "lab", "", 129],
    ["7.2.13-rfc", "lab", "gmem-ignore-notifiers-rfc", 953],
    ["7.2.13-lab", "lab", "gmem-ignore-notifiers-rfc", 9],
  ]);
});

test("a record with a call that the model lacks never counts as reproduced, even where all else agrees", () => {
  const [input] = inputs;
  const lacking = { notModelled: [{ step: 0, call: "mmap", why: "too hard" }] } as const;
  const run = saying([input!.recording.observed], lacking);
  const { counts, records } = conform([input!], { run });
  expect(counts).toEqual({ reproduced: 0, differ: 0, notModelled: 1 });
  expect(records[0]?.lacking).toEqual([{ step: 0, what: "mmap", why: "too hard" }]);
});

test("a difference carries the step, both sides and the model's decisions", () => {
  const [input] = inputs;
  const observed = input!.recording.observed.map((observation, index) =>
    index === 0 ? { errno: "EINVAL" } : observation,
  );
  const { records } = conform([input!], { run: saying([observed]) });
  expect(records[0]).toMatchObject({ outcome: "differs", id: input!.recording.id });
  expect(records[0]?.differences[0]).toMatchObject({
    step: 0,
    field: "ret",
    expected: 0,
    decisions: [{ fn: "f", text: "decided" }],
  });
});

test("a kernel that is not built in is not modelled, but any other error is passed on", () => {
  const [input] = inputs;
  const throwing = (error: Error) => () => {
    throw error;
  };
  const { records } = conform([input!], { run: throwing(new NotBuiltIn("kernel", "6.1")) });
  expect(records[0]).toMatchObject({ outcome: "not modelled", lacking: [{ what: "kernel 6.1" }] });
  expect(() => conform([input!], { run: throwing(new TypeError("bug")) })).toThrow("bug");
  expect(() => conform([input!], { run: throwing(new NotBuiltIn("model", "all")) })).toThrow("not built in");
});

test("a recording is held against the kernel that it was made on, and no other", () => {
  const [input] = inputs;
  const run = saying([input!.recording.observed]);
  const other = conform([input!], { run, kernel: "7.3" });
  expect(other.counts).toEqual({ reproduced: 0, differ: 0, notModelled: 1 });
  expect(other.records[0]?.lacking[0]).toEqual({
    what: "kernel 7.2.13+deb14-arm64",
    why: "the recording says nothing of 7.3, which was chosen",
  });
  expect(conform([input!], { run, kernel: "7.2" }).counts.reproduced).toBe(1);
  const { kernel: _, ...nameless } = input!.recording.machine;
  const unnamed = { ...input!, recording: { ...input!.recording, machine: nameless } };
  expect(conform([unnamed], { run }).counts.notModelled).toBe(1);
});

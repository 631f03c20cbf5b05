import { expect, test } from "vitest";
import { readSavedRace } from "./saved-race.js";

const step = { thread: "vmm", function: "f", object: null, what: "reads x", outcome: 0 };
const race = { threads: ["vmm"], message: "m", loopsTo: null, steps: [step] };
const run = { kernel: "7.2", arch: "x86", patches: [], violations: [{ property: "p" }, { race }] };
const withRace = (more: object) => ({ ...run, violations: [{ race: { ...race, ...more } }] });

test("takes the first violation that a race shows", () => {
  expect(readSavedRace(JSON.stringify(run)).race).toEqual(race);
});

test.each([
  ["", "is empty; it should be what kvmm run --json printed"],
  ["{", ":1:2: unexpected"],
  ["[]", "is a list; it should be a map"],
  [JSON.stringify({ ...run, kernel: 7 }), "kernel: is 7"],
  [JSON.stringify({ ...run, violations: [] }), "violations: has no race; it should be what kvmm run --json"],
  [JSON.stringify(withRace({ steps: [] })), "violations[0].race.steps: is "],
  [
    JSON.stringify(withRace({ steps: [{ ...step, outcome: -1 }] })),
    "violations[0].race.steps[0].outcome: is -1",
  ],
  [
    JSON.stringify(withRace({ steps: [{ ...step, thread: "x" }] })),
    'violations[0].race.steps[0].thread: is none of the threads: "x"; threads: vmm',
  ],
  [JSON.stringify(withRace({ loopsTo: 1 })), "violations[0].race.loopsTo: is 1; there is 1 step"],
  [JSON.stringify(withRace({ message: undefined })), "violations[0].race.message: is missing"],
])("refuses %s, naming the field", (text, message) => {
  expect(() => readSavedRace(text, "saved.json")).toThrow(message);
});

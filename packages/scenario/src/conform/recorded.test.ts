import { describe, expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import { renderDifference } from "../render/difference.js";
import { runScenario } from "../run/run-scenario.js";
import { conform } from "./conform.js";

/** Files of which every record is reproduced. A file that gets there is added; none ever leaves. */
const REPRODUCED = [
  "7.2.13-arm64/dirty.jsonl",
  "7.2.13-arm64/first.jsonl",
  "7.2.13-rfc-arm64/dirty.jsonl",
  "7.2.13-rfc-arm64/first.jsonl",
  "7.2.13-rfc-arm64/stage2.jsonl",
];

describe.each(REPRODUCED)("%s", (name) => {
  const inputs = allRecordings
    .filter(({ file }) => file === name)
    .map(({ file, recording }, index) => ({ file, line: index + 1, recording }));

  test.each(inputs.map((input) => [input.recording.id, input] as const))(
    "%s is what the model predicts",
    (_id, input) => {
      const [result] = conform([input], { run: runScenario }).records;
      expect(result!.lacking).toEqual([]);
      expect(result!.differences.map((difference) => renderDifference(difference))).toEqual([]);
    },
  );
});

test("after every step of every recording stage 2 agrees with the memory behind it", () => {
  const broken = allRecordings
    .map(({ file, recording }) => ({
      file,
      id: recording.id,
      run: runScenario({ machine: recording.machine, steps: recording.steps }),
    }))
    .filter(({ run }) => run.violations.length > 0)
    .map(({ file, id, run }) => `${file} ${id}: ${run.violations[0]!.text}`);
  expect(broken).toEqual([]);
}, 120_000);

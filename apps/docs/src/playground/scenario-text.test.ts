import { builtIn, library, namesKnownTo, races, readScenario } from "@kvmm/scenario";
import { expect, test } from "vitest";
import { scenarioText } from "./scenario-text.js";

/** Addresses may be written as numbers. */
const normal = (of: unknown) =>
  JSON.parse(JSON.stringify(of), (_, v) =>
    typeof v === "string" && /^0x[\da-f]+$/i.test(v) ? Number(v) : v,
  );

test("every built-in scenario is read back from its text as it was", () => {
  for (const { name, scenario } of [...library, ...races]) {
    const read = readScenario(scenarioText(scenario), { file: "text.yaml", known: namesKnownTo(builtIn) });
    expect(normal(read), name).toEqual(normal(scenario));
  }
});

test("a step is one line, as in the README", () => {
  const text = scenarioText({
    machine: {},
    steps: [{ call: "munmap", args: { addr: "ram+4p", length: "4p" } }],
  });
  expect(text).toBe(
    'steps:\n  - { call: munmap, args: { addr: "ram+4p", length: 4p } }\n'.replaceAll('"ram+4p"', "ram+4p"),
  );
});

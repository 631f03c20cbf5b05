import { library, races, type Scenario, speRaces } from "@kvmm/scenario";
import { scenarioText } from "./scenario-text.js";

/** A scenario to begin with. */
export interface Example {
  readonly name: string;
  readonly title: string;
  readonly group: string;
  readonly scenario: Scenario;
}

const RFC_QUESTION = "numa-policy-default@gmem";

/** The built-in scenarios, the RFC's question first. */
export const examples: readonly Example[] = [
  ...library.map(({ name, title, memory, does, scenario }) => ({
    name,
    title,
    group:
      name === RFC_QUESTION
        ? "The RFC's question"
        : does.kind === "numa"
          ? "NUMA balancing under a policy"
          : memory.gmemOnly
            ? "guest_memfd only"
            : "Ordinary memory",
    scenario,
  })),
  ...races.map(({ name, title, scenario }) => ({ name, title, group: "Races", scenario })),
  ...speRaces.map(({ name, title, scenario }) => ({
    name,
    title,
    group: "Races of a profiled guest",
    scenario,
  })),
];

export const firstExample = exampleNamed(RFC_QUESTION) ?? examples[0]!;

export function exampleNamed(name: string): Example | undefined {
  return examples.find((example) => example.name === name);
}

let byText: ReadonlyMap<string, string> | undefined;

/** The example that is written so: its name, or nothing once it was changed. */
export function exampleWritten(text: string): string {
  byText ??= new Map(examples.map(({ name, scenario }) => [scenarioText(scenario), name]));
  return byText.get(text) ?? "";
}

/** In the order in which a reader meets them. */
export const groups = [
  "The RFC's question",
  "guest_memfd only",
  "Ordinary memory",
  "NUMA balancing under a policy",
  "Races",
  "Races of a profiled guest",
];

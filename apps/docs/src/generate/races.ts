import { NotBuiltIn, patches, type RaceScenario, type RunResult, races, review, runScenario } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";

const RFC = "gmem-ignore-notifiers-rfc";

/** Every built-in race without a patch and with the RFC: what the explorer says now. */
export function raceLines(): readonly string[] {
  const rows = races.map((race) => [
    `[${race.name}](/playground.md#example=${encodeURIComponent(race.name)})`,
    plain(race.title),
    outcome(race, []),
    outcome(race, [RFC]),
  ]);
  return [
    "Every interleaving of the threads of each built-in race, on the newest kernel. A race that breaks opens in the",
    "playground with its counterexample.",
    "",
    table(["race", "is", "without a patch", `with ${code(RFC)}`], rows),
  ];
}

function outcome(race: RaceScenario, applied: readonly string[]): string {
  let run: RunResult;
  try {
    run = runScenario(race.scenario, { patches: applied });
  } catch (error) {
    if (error instanceof NotBuiltIn) return `not built in: ${plain(error.wanted)}`;
    throw error;
  }
  if (run.notModelled.length > 0) return `not modelled: ${code(run.notModelled[0]!.call)}`;
  const { states = 0, complete = false } = run.exploration ?? {};
  if (run.verdict === "holds") return `holds (${states} states${complete ? "" : ", not all"})`;
  return `**breaks**: ${plain(run.violations[0]!.property)}`;
}

/** Patches that take an upstream fix back: a model that is worth anything finds each of those bugs. */
export function undoLines(): readonly string[] {
  const undo = patches.filter(({ name }) => name.startsWith("undo-"));
  if (undo.length === 0)
    return ["A patch that takes an upstream fix back tests the explorer on a real bug. None is built in yet."];
  const rows = undo.map((patch) => {
    const { parts } = review(patch);
    const found = parts.flatMap(({ broken }) => broken)[0];
    return [
      code(patch.name),
      plain(patch.title),
      found === undefined ? "not caught" : `caught by ${code(found.scenario)}: ${plain(found.violation.property)}`,
    ];
  });
  return [
    "Each patch takes an upstream fix back; reviews have to catch it.",
    "",
    table(["patch", "is", "caught"], rows),
  ];
}

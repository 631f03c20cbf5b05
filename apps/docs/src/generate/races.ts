import { NotBuiltIn, type RaceScenario, type RunResult, races, runScenario } from "@kvmm/scenario";
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

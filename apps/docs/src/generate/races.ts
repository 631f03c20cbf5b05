import { kernels, NotBuiltIn, type RaceScenario, type RunResult, races, runScenario } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";

const RFC = "gmem-ignore-notifiers-rfc";

/** Every built-in race on each kernel and architecture, without a patch and with the RFC: what the explorer says now. */
export function raceLines(): readonly string[] {
  const places = kernels.flatMap(({ name }) =>
    (["arm64", "x86"] as const).map((arch) => ({ kernel: name, arch })),
  );
  const rows = races.map((race) => [
    `[${race.name}](/playground.md#example=${encodeURIComponent(race.name)})`,
    plain(race.title),
    ...places.map(({ kernel, arch }) =>
      race.architectures.includes(arch) ? verdicts(race, kernel, arch) : "",
    ),
  ]);
  return [
    "Every interleaving of the threads of each built-in race. One verdict: the same without a patch and with",
    `${code(RFC)}; else without and with. A race that breaks opens in the playground with its counterexample. What each`,
    "has to come to is written down in `packages/scenario/src/library/races.test.ts`, and nothing lands unless it does.",
    "",
    table(["race", "is", ...places.map(({ kernel, arch }) => `${kernel} ${arch}`)], rows),
  ];
}

function verdicts(race: RaceScenario, kernel: string, arch: "arm64" | "x86"): string {
  const without = verdict(race, kernel, arch, []);
  const patched = verdict(race, kernel, arch, [RFC]);
  return without === patched ? without : `${without} → ${patched}`;
}

function verdict(
  race: RaceScenario,
  kernel: string,
  arch: "arm64" | "x86",
  patches: readonly string[],
): string {
  let run: RunResult;
  try {
    run = runScenario(race.scenario, { kernel, arch, patches });
  } catch (error) {
    if (error instanceof NotBuiltIn) return "not built in";
    throw error;
  }
  if (run.notModelled.length > 0) return "not modelled";
  if (run.verdict === "breaks") return "**breaks**";
  return run.exploration?.complete === true ? "holds" : "holds, as far as seen";
}

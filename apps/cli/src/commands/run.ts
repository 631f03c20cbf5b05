import { type Patch, type ReplayResult, type RunResult, readSavedRace, type Scenario } from "@kvmm/scenario";
import { Option } from "commander";
import type { Context, ExitStatus } from "../context.js";
import { loadPatch } from "../input/load-patch.js";
import { nameOf, readBytes } from "../input/read-bytes.js";
import { readScenarioFile } from "../input/read-scenario-file.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { isRace, racePage } from "../output/race-page.js";
import { endsWell, replayDocument, replayText } from "../output/replay-text.js";
import { onInWords, runDocument, runText } from "../output/run-text.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { writeWhole } from "../output/write-file.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";
import { type ExploringOptions, exploringOf, withExploringOptions } from "./exploring-options.js";

export const addRun: AddCommand = (program, context, end) => {
  withExploringOptions(
    withMachineOptions(
      program
        .command("run")
        .argument(
          "<file>",
          "a scenario, FILE#ID of a recording, a built-in scenario, or - for standard input",
        ),
    ),
  )
    .addOption(
      new Option(
        "--replay <saved>",
        "instead of exploring, make the steps of the race that kvmm run --json once printed; - for standard input. Ends with 0 if nothing goes wrong, 1 if it still does or a step is gone",
      ).conflicts(["random", "preemptions", "states", "seconds"]),
    )
    .option("--export <file.html>", "also write the race as a page of HTML that needs nothing else")
    .option("--all-steps", "of a race, also the steps that have nothing to do with the failure")
    .summary("run one scenario")
    .description(
      "Runs one scenario, and explores every interleaving of what it does concurrently.\nThe calls and their arguments: recordings/FORMAT.md.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm run race.yaml", "what happens at each step"],
        ["kvmm run race.yaml --patch ./mine.mjs", "the same, with a patch of your own"],
        [
          "kvmm run recordings/7.2.13-arm64/first.jsonl#munmap-part@gmem --json",
          "one line of a recording, as JSON",
        ],
        ["kvmm run race.yaml --random 10000 --seed 7", "what is too large to explore: random interleavings"],
        ["cat race.yaml | kvmm run -", "from standard input"],
        ["kvmm run race.yaml --export race.html", "the race as a page, to be sent to somebody"],
        ["kvmm run race.yaml --json > race.json", "the race as data, to be replayed"],
        [
          "kvmm run race.yaml --kernel 7.3 --replay race.json",
          "whether the same steps still go wrong on another kernel, or with a patch",
        ],
      ),
    )
    .action(async (file: string, options: RunCommandOptions) => {
      end(await run(file, options, context));
    });
};

interface RunCommandOptions extends MachineOptions, ExploringOptions {
  readonly allSteps?: boolean;
  readonly export?: string;
  readonly replay?: string;
}

/** What a run or a replay has to say. */
interface Told {
  readonly result: RunResult | ReplayResult;
  readonly document: unknown;
  readonly text: string;
  readonly isBad: boolean;
}

async function run(file: string, options: RunCommandOptions, context: Context): Promise<ExitStatus> {
  if (file === "-" && options.replay === "-")
    throw new UsageError(
      "standard input is either the scenario or the saved race; name a file for the other",
    );
  const resolved = await resolveOptions(options, context);
  const { scenario, patchFiles } = await readScenarioFile(file, context);
  const own: Patch[] = [];
  for (const path of patchFiles) own.push(await loadPatch(path, context.model));
  const patches = [...own, ...(resolved.patches ?? [])];
  const machine = { ...resolved, ...(patches.length === 0 ? {} : { patches }) };
  const all = options.allSteps === true;
  const shown = { style: styleFor(options.color, context), width: widthOf(context), all };

  const explored = (): Told => {
    const result = context.model.runScenario(scenario, { ...machine, ...exploringOf(options) });
    const text = runText(scenario, result, shown);
    return { result, document: runDocument(scenario, result), text, isBad: result.verdict === "breaks" };
  };
  const replayed = async (from: string): Promise<Told> => {
    const saved = readSavedRace(await readBytes(from, context), nameOf(from));
    const result = context.model.replayRace(scenario, saved.race, machine);
    const text = replayText(scenario, result, saved, shown);
    const isBad = result.outcome !== "not modelled" && !endsWell(result);
    return { result, document: replayDocument(scenario, result, saved), text, isBad };
  };
  const { result, document, text, isBad } =
    options.replay === undefined ? explored() : await replayed(options.replay);

  if (options.export !== undefined) await exportRaces(options.export, scenario, result, all, context);
  context.stdout.write(options.json === true ? toJson(document) : text);
  for (const warning of result.warnings) context.stderr.write(`kvmm: warning: ${warning}\n`);
  if (isBad) return 1;
  if (result.notModelled.length === 0) return 0;
  const lacking = [...new Set(result.notModelled.map(({ call }) => call))].join(", ");
  context.stderr.write(`kvmm: not modelled: ${lacking}; what follows from it cannot be said\n`);
  return 2;
}

/** Writes the races of a run as a page; where there are none, says so and writes nothing. */
async function exportRaces(
  path: string,
  { title = "A race" }: Scenario,
  result: RunResult | ReplayResult,
  all: boolean,
  { stderr }: Pick<Context, "stderr">,
): Promise<void> {
  const races = result.violations.filter(isRace);
  if (races.length === 0) {
    stderr.write(`kvmm: there is no race to be shown; ${path} is not written\n`);
    return;
  }
  const { sentence } = result;
  await writeWhole(path, racePage({ title, on: onInWords(result), sentence, races, all }));
}

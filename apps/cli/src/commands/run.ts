import { type Patch, type RunResult, renderStep, type Scenario } from "@kvmm/scenario";
import type { Context, ExitStatus } from "../context.js";
import { loadPatch } from "../input/load-patch.js";
import { readScenarioFile } from "../input/read-scenario-file.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { lanes } from "../output/lanes.js";
import { type Style, styleFor } from "../output/style.js";
import { timeline } from "../output/timeline.js";
import { widthOf } from "../output/width.js";
import { wrap } from "../output/wrap.js";
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
      ),
    )
    .action(async (file: string, options: RunCommandOptions) => {
      end(await run(file, options, context));
    });
};

interface RunCommandOptions extends MachineOptions, ExploringOptions {
  readonly allSteps?: boolean;
}

async function run(file: string, options: RunCommandOptions, context: Context): Promise<ExitStatus> {
  const resolved = await resolveOptions(options, context);
  const { scenario, patchFiles } = await readScenarioFile(file, context);
  const own: Patch[] = [];
  for (const path of patchFiles) own.push(await loadPatch(path, context.model));
  const patches = [...own, ...(resolved.patches ?? [])];
  const result = context.model.runScenario(scenario, {
    ...resolved,
    ...exploringOf(options),
    ...(patches.length === 0 ? {} : { patches }),
  });
  const style = styleFor(options.color, context);
  if (options.json === true) context.stdout.write(toJson(runDocument(scenario, result)));
  else context.stdout.write(asText(scenario, result, style, widthOf(context), options.allSteps === true));
  for (const warning of result.warnings) context.stderr.write(`kvmm: warning: ${warning}\n`);
  if (result.verdict === "breaks") return 1;
  if (result.notModelled.length === 0) return 0;
  const lacking = [...new Set(result.notModelled.map(({ call }) => call))].join(", ");
  context.stderr.write(`kvmm: not modelled: ${lacking}; what follows from it cannot be said\n`);
  return 2;
}

/** The document of `kvmm run --json`. */
function runDocument(scenario: Scenario, result: RunResult): unknown {
  const {
    kernel,
    arch,
    patches,
    seed,
    verdict,
    sentence,
    observed,
    notModelled,
    notCovered,
    warnings,
    violations,
  } = result;
  const steps = scenario.steps.map((step, index) => ({
    index,
    call: step.call,
    args: step.args ?? {},
    ...result.steps[index],
  }));
  const { exploration } = result;
  return {
    title: scenario.title,
    verdict,
    sentence,
    kernel,
    arch,
    patches,
    seed,
    observed,
    steps,
    violations,
    exploration,
    notModelled,
    notCovered,
    warnings,
  };
}

function asText(scenario: Scenario, result: RunResult, style: Style, width: number, all: boolean): string {
  const on = [
    `kernel ${result.kernel}`,
    result.arch,
    ...result.patches.map((patch) => `patch ${patch}`),
  ].join(", ");
  const head = scenario.title === undefined ? "" : `${style.strong(wrap(scenario.title, width))}\n`;
  const steps = scenario.steps.length === 0 ? "" : `${timeline(scenario, result, style, width)}\n`;
  const threads = threadsText(scenario, style, width);
  const violations = result.violations
    .map((violation) => `${lanes(violation, style, width, { all })}\n`)
    .join("");
  const colour = result.verdict === "holds" ? style.good : style.bad;
  const verdict = colour(wrap(`${result.verdict}: ${result.sentence}`, width));
  return `${head}${style.faint(wrap(on, width))}\n\n${steps}${threads}${violations}${verdict}\n`;
}

/** What runs at the same time, in every order. */
function threadsText({ concurrently }: Scenario, style: Style, width: number): string {
  const entries = Object.entries(concurrently ?? {});
  if (entries.length === 0) return "";
  const thread = ([name, steps]: (typeof entries)[number]) =>
    `  ${style.strong(name)}\n${steps.map((step) => `    ${wrap(renderStep(step), width, "      ")}\n`).join("")}`;
  return `concurrently\n${entries.map(thread).join("")}\n`;
}

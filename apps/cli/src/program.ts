import { Command } from "commander";
import manifest from "../package.json" with { type: "json" };
import type { AddCommand } from "./commands/command.js";
import { examples } from "./commands/command.js";
import { addCompletion } from "./commands/completion.js";
import { addConform } from "./commands/conform.js";
import { addExplain } from "./commands/explain.js";
import { addKernels } from "./commands/kernels.js";
import { addMatrix } from "./commands/matrix.js";
import { addPatches } from "./commands/patches.js";
import { addReview } from "./commands/review.js";
import { addRun } from "./commands/run.js";
import { addScenarios } from "./commands/scenarios.js";
import { addSpe } from "./commands/spe.js";
import { addStage2 } from "./commands/stage2.js";
import type { Context, ExitStatus } from "./context.js";
import { reportError } from "./report-error.js";

/** In the order of `kvmm --help`. A new command is a file of its own, and a line here. */
const commands: readonly AddCommand[] = [
  addReview,
  addRun,
  addConform,
  addMatrix,
  addExplain,
  addStage2,
  addSpe,
  addPatches,
  addKernels,
  addScenarios,
  addCompletion,
];

/** Runs one command line, and says how it ended. */
export async function runProgram(args: readonly string[], context: Context): Promise<ExitStatus> {
  let status: ExitStatus = 0;
  const program = newProgram(context);
  for (const add of commands)
    add(program, context, (ended) => {
      status = ended;
    });
  for (const command of program.commands) settle(command, context);
  try {
    if (args.length === 0) {
      context.stderr.write(program.helpInformation());
      return 2;
    }
    await program.parseAsync([...args], { from: "user" });
    return status;
  } catch (error) {
    return reportError(error, context);
  }
}

function newProgram(context: Context): Command {
  const program = new Command("kvmm")
    .description(
      "What the host does to a guest's memory under Linux KVM on arm64, when, and what can go wrong.",
    )
    .version(manifest.version, "-V, --version", "the version of kvmm")
    .helpCommand("help [command]", "the help of a command")
    .addHelpText(
      "after",
      `${examples(
        ["kvmm review gmem-ignore-notifiers-rfc", "what a patch changes, and what it breaks"],
        ["kvmm run race.yaml", "one scenario, step by step"],
        ["kvmm conform recordings/*/*.jsonl", "the model against real kernels"],
      )}\nExit status: 0 holds, 1 does not hold or differs, 2 could not run.\n`,
    );
  settle(program, context);
  return program;
}

/** Messages on one line, where the tests can see them, and no exit of its own. */
function settle(command: Command, { stdout, stderr }: Pick<Context, "stdout" | "stderr">): void {
  command
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(`kvmm: ${oneLine(text)}\n`),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    });
  for (const nested of command.commands) settle(nested, { stdout, stderr });
}

function oneLine(text: string): string {
  return text
    .trim()
    .replace(/^error: /, "")
    .replace(/\n\(Did you mean (.*)\?\)/, (_, names: string) => `; did you mean ${names}?`)
    .replaceAll("\n", " ");
}

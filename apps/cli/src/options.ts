import { type Architecture, architectures, didYouMean, type Model, type Patch } from "@kvmm/scenario";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Context } from "./context.js";
import { loadPatch } from "./input/load-patch.js";
import { UsageError } from "./usage-error.js";

/** What `--json` and `--color` say. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly color?: ColorChoice;
}

/** What `--kernel`, `--arch`, `--patch` and `--seed` say: the same for every command that has them. */
export interface MachineOptions extends OutputOptions {
  readonly kernel?: string;
  readonly arch?: Architecture;
  readonly patch?: readonly string[];
  readonly seed?: number;
}

export const colorChoices = ["auto", "always", "never"] as const;
export type ColorChoice = (typeof colorChoices)[number];

export function withOutputOptions(command: Command): Command {
  return command
    .option("--json", "one JSON document on standard output")
    .addOption(
      new Option("--color <when>", "colour on a terminal, always or never")
        .choices(colorChoices)
        .default("auto"),
    );
}

export function withMachineOptions(command: Command): Command {
  return withOutputOptions(
    command
      .option("--kernel <version>", "the kernel version, such as 7.2; see kvmm kernels")
      .addOption(new Option("--arch <name>", "the architecture").choices(architectures))
      .option("--patch <name>", "apply a patch: a name, or a file ./mine.mjs; may be repeated", collect)
      .option("--seed <number>", "where the model may choose, choose by this", parseSeed),
  );
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

function parseSeed(value: string): number {
  const seed = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (!(seed < 2 ** 32)) throw new InvalidArgumentError("it should be a whole number below 2^32.");
  return seed;
}

/** The same options as the model takes them, with patches loaded. */
export interface ResolvedOptions {
  readonly kernel?: string;
  readonly arch?: Architecture;
  readonly patches?: readonly Patch[];
  readonly seed?: number;
}

export async function resolveOptions(
  options: MachineOptions,
  { model }: Pick<Context, "model">,
): Promise<ResolvedOptions> {
  const { kernel, arch, patch, seed } = options;
  if (kernel !== undefined) checkKernel(kernel, model);
  const patches =
    patch === undefined ? undefined : await Promise.all(patch.map((name) => loadPatch(name, model)));
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(arch === undefined ? {} : { arch }),
    ...(patches === undefined ? {} : { patches }),
    ...(seed === undefined ? {} : { seed }),
  };
}

function checkKernel(name: string, model: Model): void {
  if (model.kernelOf(name) !== undefined) return;
  const names = model.kernels.map((kernel) => kernel.name);
  const hint = didYouMean(name, names) ?? `kernels: ${names.join(", ")}`;
  throw new UsageError(`unknown kernel "${name}"; ${hint}`);
}

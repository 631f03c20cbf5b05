import { type DumpRange, parseDump } from "@kvmm/arm64-stage2";
import { InputError, type Stage2Entry } from "@kvmm/scenario";
import type { Context } from "../context.js";
import { exists, nameOf, readBytes } from "../input/read-bytes.js";
import { readScenarioFile } from "../input/read-scenario-file.js";
import { UsageError } from "../usage-error.js";

/** A VM's stage-2 tables, as a kernel has printed them or the model has them after a step. */
export interface TablesInput {
  readonly name: string;
  readonly ranges: readonly DumpRange[];
  /** Bits of the IPA space, of which the ranges cover all; null: a kernel's file, which says neither. */
  readonly ipaBits: number | null;
  /** Where a kernel's file stopped making sense, after these ranges. */
  readonly error: InputError | null;
}

/**
 * Reads tables: a debugfs file `stage2_page_tables`, `-` for standard input, or a scenario or `FILE#ID` of a recording, which
 * the model runs; `@N` behind it is a step, counted from 0.
 * @param wanted the step, where it is an option
 */
export async function readTables(
  argument: string,
  wanted: number | undefined,
  context: Context,
): Promise<TablesInput> {
  const { source, step } = await splitStep(argument, wanted);
  if (source !== "-" && !(await exists(source))) return await run(argument, source, step, context);
  const bytes = await readBytes(source, context);
  if (!looksLikeDump(bytes)) {
    // Standard input is read once.
    const stdin = async function* () {
      yield bytes;
    };
    return await run(argument, source, step, { ...context, stdin });
  }
  if (step !== undefined) throw new UsageError(`${nameOf(source)} is a kernel's dump, and has no steps`);
  const { ranges, problem } = parseDump(new TextDecoder().decode(bytes));
  const place = problem === null ? undefined : { line: problem.line, column: 1 };
  const error = problem === null ? null : new InputError(nameOf(source), { problem: problem.message, place });
  return { name: nameOf(source), ranges, ipaBits: null, error };
}

/** `SOURCE@N`; a file whose own name ends so comes first. */
async function splitStep(
  argument: string,
  wanted: number | undefined,
): Promise<{ source: string; step: number | undefined }> {
  const match = /^(.+)@(\d{1,9})$/.exec(argument);
  if (match === null || (await exists(argument))) return { source: argument, step: wanted };
  if (wanted !== undefined) throw new UsageError(`${argument} names a step, and so does --step; choose one`);
  return { source: match[1]!, step: Number(match[2]) };
}

/** Such a file begins with a marker, or with a range. */
function looksLikeDump(bytes: Uint8Array): boolean {
  return /^\s*(---\[|0x[0-9a-f]{16}-)/.test(String.fromCharCode(...bytes.subarray(0, 256)));
}

async function run(
  argument: string,
  source: string,
  wanted: number | undefined,
  context: Context,
): Promise<TablesInput> {
  const { scenario, patchFiles } = await readScenarioFile(source, context);
  if (patchFiles.length > 0) throw new UsageError(`${argument} needs a patch from a file; use kvmm run`);
  const { observed, notModelled } = context.model.runScenario(scenario, { stage2: true });
  const step = wanted ?? scenario.steps.length - 1;
  const there = `it has ${scenario.steps.length} steps, counted from 0`;
  if (step < 0 || step >= scenario.steps.length)
    throw new UsageError(`${argument} has no step ${step}; ${there}`);
  const lacking = notModelled.find((one) => one.step <= step);
  if (lacking !== undefined)
    throw new UsageError(`${argument}: not modelled: ${lacking.call} (step ${lacking.step}): ${lacking.why}`);
  const { stage2, ipa_range } = observed[step] ?? {};
  if (stage2 === undefined || ipa_range === undefined)
    throw new UsageError(`${argument}: its machine has no stage-2 tables; arm64 has`);
  return {
    name: `${source}@${step}`,
    ranges: stage2.map(toRange),
    ipaBits: Number(ipa_range),
    error: null,
  };
}

function toRange([first, end, level, attributes]: Stage2Entry): DumpRange {
  return [Number(first), Number(end), level, attributes];
}

/** The ranges that a kernel would print: not the last one. */
export function asPrinted({ ranges, ipaBits }: TablesInput): readonly DumpRange[] {
  return ipaBits === null ? ranges : ranges.slice(0, -1);
}

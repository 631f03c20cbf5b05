import { type CompareOptions, compare } from "../compare/compare.js";
import type { Difference } from "../compare/difference.js";
import type { Recording } from "../format/recording.js";
import { toScenario } from "../format/recording.js";
import type { Step } from "../format/step.js";
import { kernelOf } from "../kernels/kernels.js";
import type { Decision, NotModelled, Refusal, RunOptions, RunResult, RunScenario } from "../model.js";
import { NotBuiltIn } from "../model.js";

/** A recording, and where it was read. */
export interface ConformInput {
  readonly file: string;
  readonly line: number;
  readonly recording: Recording;
}

export interface ConformOptions extends RunOptions {
  readonly run: RunScenario;
  /** Compare stage-2 dumps by their leaves only. */
  readonly stage2LeavesOnly?: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** A difference, with what a kernel developer needs to judge it. */
export interface ConformDifference extends Difference {
  readonly args: NonNullable<Step["args"]>;
  /** Where in the model the outcome of this step was decided. */
  readonly decisions: readonly Decision[];
  readonly refusal?: Refusal;
}

/** Why a record could not be held against the model: a call, or the whole of it. */
export interface Lacking {
  readonly step?: number;
  /** The call, or what else the record names: `kernel 6.1`. */
  readonly what: string;
  readonly why: string;
}

export type Outcome = "reproduced" | "differs" | "not modelled";

export interface RecordResult {
  readonly file: string;
  readonly line: number;
  readonly id: string;
  readonly outcome: Outcome;
  /** Empty unless it differs. */
  readonly differences: readonly ConformDifference[];
  /** Empty unless it is not modelled. */
  readonly lacking: readonly Lacking[];
}

/** The records of one kernel, configuration and set of patches. */
export interface ConformGroup {
  readonly kernel: string;
  readonly config: string;
  readonly patches: readonly string[];
  readonly counts: Counts;
}

export interface Counts {
  readonly reproduced: number;
  readonly differ: number;
  readonly notModelled: number;
}

export interface ConformResult {
  readonly counts: Counts;
  readonly groups: readonly ConformGroup[];
  /** In the order of the records given. */
  readonly records: readonly RecordResult[];
}

/** Runs each record on the machine that it names, and holds what the model says against what the kernel did. */
export function conform(inputs: readonly ConformInput[], options: ConformOptions): ConformResult {
  const results: RecordResult[] = [];
  const byMachine = new Map<string, { recording: Recording; results: RecordResult[] }>();
  for (const [index, input] of inputs.entries()) {
    const result = conformRecord(input, options);
    results.push(result);
    const key = machineKey(input.recording);
    const group = byMachine.get(key);
    if (group === undefined) byMachine.set(key, { recording: input.recording, results: [result] });
    else group.results.push(result);
    options.onProgress?.(index + 1, inputs.length);
  }
  const groups = [...byMachine.values()].map(({ recording, results: own }) => ({
    kernel: recording.machine.kernel ?? "",
    config: recording.machine.config ?? "",
    patches: recording.machine.patches ?? [],
    counts: count(own),
  }));
  return { counts: count(results), groups, records: results };
}

const machineKey = ({ machine }: Recording) =>
  JSON.stringify([machine.kernel ?? "", machine.config ?? "", machine.patches ?? []]);

function count(results: readonly RecordResult[]): Counts {
  const having = (outcome: Outcome) => results.filter((result) => result.outcome === outcome).length;
  return { reproduced: having("reproduced"), differ: having("differs"), notModelled: having("not modelled") };
}

function conformRecord({ file, line, recording }: ConformInput, options: ConformOptions): RecordResult {
  const where = { file, line, id: recording.id };
  const elsewhere = recordedElsewhere(recording, options.kernel);
  if (elsewhere !== undefined)
    return { ...where, outcome: "not modelled", differences: [], lacking: [elsewhere] };
  const result = ran(recording, options);
  if (result instanceof NotBuiltIn) {
    const lacking: Lacking = { what: `${result.what} ${result.wanted}`, why: result.message };
    return { ...where, outcome: "not modelled", differences: [], lacking: [lacking] };
  }
  if (result.notModelled.length > 0) {
    const lacking = result.notModelled.map(lackingCall);
    return { ...where, outcome: "not modelled", differences: [], lacking };
  }
  const how: CompareOptions = {
    ...(result.names === undefined ? {} : { names: result.names }),
    stage2LeavesOnly: options.stage2LeavesOnly === true,
  };
  const differences = compare(recording, result.observed, how).map((difference) =>
    explained(difference, recording, result),
  );
  return { ...where, outcome: differences.length === 0 ? "reproduced" : "differs", differences, lacking: [] };
}

/** What the model says; a machine that it does not have is an answer, any other error is a bug. */
function ran(
  recording: Recording,
  { run, kernel, arch, patches, seed }: ConformOptions,
): RunResult | NotBuiltIn {
  try {
    return run(toScenario(recording), {
      checks: false,
      stage2: recording.observed.some(({ stage2 }) => stage2 !== undefined),
      ...(kernel === undefined ? {} : { kernel }),
      ...(arch === undefined ? {} : { arch }),
      ...(patches === undefined ? {} : { patches }),
      ...(seed === undefined ? {} : { seed }),
    });
  } catch (error) {
    // Without any model nothing can be said, of no record.
    if (error instanceof NotBuiltIn && error.what !== "model") return error;
    throw error;
  }
}

/** A recording says something of the kernel that it was made on, and of no other: not of one that was chosen instead. */
function recordedElsewhere({ machine }: Recording, chosen: string | undefined): Lacking | undefined {
  const recorded = machine.kernel;
  if (recorded === undefined)
    return { what: "kernel", why: "the recording names no kernel that it was made on" };
  if (chosen === undefined || kernelOf(chosen) === kernelOf(recorded)) return undefined;
  return { what: `kernel ${recorded}`, why: `the recording says nothing of ${chosen}, which was chosen` };
}

const lackingCall = ({ step, call, why }: NotModelled): Lacking => ({ step, what: call, why });

function explained(difference: Difference, recording: Recording, result: RunResult): ConformDifference {
  const { decisions = [], refusal } = result.steps[difference.step] ?? {};
  return {
    ...difference,
    args: recording.steps[difference.step]?.args ?? {},
    decisions,
    ...(refusal === undefined ? {} : { refusal }),
  };
}

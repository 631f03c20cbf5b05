import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  builtIn,
  type Model,
  NotBuiltIn,
  type Observation,
  type RunResult,
  readRecordings,
  type Scenario,
} from "@kvmm/scenario";
import type { Context, ExitStatus } from "../src/context.js";
import { runProgram } from "../src/program.js";

export interface Ran {
  readonly status: ExitStatus;
  readonly stdout: string;
  readonly stderr: string;
}

export interface World {
  readonly model?: Model;
  readonly stdin?: string | Uint8Array;
  /** The same, chunk by chunk. */
  readonly chunks?: () => AsyncIterable<Uint8Array>;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  /** Standard error's; as {@link tty} where it is left out. */
  readonly ttyOfErrors?: boolean;
  /** Called when the command waits for the reader of its output. */
  readonly onDrain?: () => void;
  readonly columns?: number;
}

/** Runs a command line in a world of its own. */
export async function kvmm(
  args: readonly string[],
  {
    model = replaying,
    stdin = "",
    chunks = once(stdin),
    env = {},
    tty = false,
    ttyOfErrors = tty,
    onDrain,
    columns,
  }: World = {},
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const context: Context = {
    model,
    env,
    stdout: {
      write: (text) => {
        stdout += text;
      },
      drained: async () => onDrain?.(),
      isTty: tty,
      columns,
    },
    stderr: {
      write: (text) => {
        stderr += text;
      },
      drained: async () => {},
      isTty: ttyOfErrors,
      columns,
    },
    readEvidence: async () => [],
    stdin: chunks,
  };
  const status = await runProgram(args, context);
  return { status, stdout, stderr };
}

const once = (stdin: string | Uint8Array) =>
  async function* () {
    yield typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  };

export const recordings = (name: string) =>
  fileURLToPath(new URL(`../../../recordings/${name}`, import.meta.url));

const first = readRecordings(readFileSync(recordings("7.2.13-arm64/first.jsonl")), "first.jsonl");
const observedOf = new Map(first.map(({ recording }) => [recording.id, recording.observed]));

export function result(
  scenario: Scenario,
  observed: readonly Observation[],
  more: Partial<RunResult> = {},
): RunResult {
  return {
    kernel: "7.2",
    arch: "arm64",
    patches: [],
    seed: 0,
    verdict: "holds",
    sentence: "nothing breaks in the model",
    observed,
    steps: scenario.steps.map(() => ({
      decisions: [{ fn: "kvm_unmap_hva_range", text: "slot 0 is in the range" }],
    })),
    notModelled: [],
    notCovered: [],
    warnings: [],
    violations: [],
    ...more,
  };
}

/** A model that says what the recordings of `first.jsonl` say, and of ksm_run that it lacks it. */
export const replaying: Model = {
  ...builtIn,
  runScenario: (scenario) => {
    const observed = observedOf.get(scenario.title ?? "") ?? scenario.steps.map(() => ({ ret: 0 }));
    const step = scenario.steps.findIndex(({ call }) => call === "ksm_run");
    const why = "same-page merging is not modelled";
    return result(scenario, observed, step === -1 ? {} : { notModelled: [{ step, call: "ksm_run", why }] });
  },
  review: (patch) => {
    throw new NotBuiltIn("model", patch.name);
  },
};

import { dirname, resolve } from "node:path";
import {
  findRecording,
  InputError,
  isPatchFile,
  namesKnownTo,
  patchesOf,
  type Recording,
  readRecordings,
  readScenario,
  type Scenario,
  toScenario,
} from "@kvmm/scenario";
import type { Context } from "../context.js";
import { exists, nameOf, readBytes } from "./read-bytes.js";

/** A scenario to run, and where it came from. */
export interface ScenarioInput {
  readonly name: string;
  readonly scenario: Scenario;
  /** Patches that the scenario names as files, as paths. */
  readonly patchFiles: readonly string[];
}

/**
 * Reads a scenario: a YAML or JSON file, `-` for standard input, `FILE#ID` for one line of a file of recordings, or
 * the name of a built-in scenario.
 */
export async function readScenarioFile(
  argument: string,
  context: Pick<Context, "stdin" | "model">,
): Promise<ScenarioInput> {
  const { file, id } = await splitId(argument);
  const builtIn = [...context.model.library, ...context.model.hostOperations, ...context.model.races].find(
    ({ name }) => name === argument,
  );
  if (builtIn !== undefined && !(await exists(argument)))
    return withoutFiles(argument, builtIn.scenario, ".");
  const bytes = await readBytes(file, context);
  const name = nameOf(file);
  if (id !== undefined)
    return withoutFiles(argument, toScenario(findRecording(bytes, id, name).recording), dirname(file));
  if (/\.(jsonl|ndjson)$/i.test(file) || holdsRecordings(bytes)) {
    const recording = onlyRecording(bytes, name, argument);
    return withoutFiles(argument, toScenario(recording), dirname(file));
  }
  return withoutFiles(
    argument,
    readScenario(bytes, { file: name, known: namesKnownTo(context.model) }),
    dirname(file),
  );
}

/** `FILE#ID`; a file whose own name has a `#` comes first. */
async function splitId(argument: string): Promise<{ file: string; id: string | undefined }> {
  const at = argument.indexOf("#");
  if (at <= 0 || (await exists(argument))) return { file: argument, id: undefined };
  return { file: argument.slice(0, at), id: argument.slice(at + 1) };
}

/** Whether a file of unknown kind begins like a line of a recording. */
function holdsRecordings(bytes: Uint8Array): boolean {
  const begin = String.fromCharCode(...bytes.subarray(0, 4096));
  return /^\s*\{\s*"id"\s*:/.test(begin);
}

function onlyRecording(bytes: Uint8Array, name: string, argument: string): Recording {
  const recordings = readRecordings(bytes, name);
  const [first] = recordings;
  if (recordings.length === 1 && first !== undefined) return first.recording;
  throw new InputError(name, {
    problem: `has ${recordings.length} recordings`,
    hint: `choose one, such as ${argument}#${first?.recording.id ?? "ID"}`,
  });
}

function withoutFiles(name: string, scenario: Scenario, directory: string): ScenarioInput {
  const all = patchesOf(scenario);
  const patchFiles = all.filter(isPatchFile).map((file) => resolve(directory, file));
  if (patchFiles.length === 0) return { name, scenario, patchFiles };
  const { patches: _, machine, ...rest } = scenario;
  const { patches: __, ...bare } = machine;
  const named = all.filter((patch) => !isPatchFile(patch));
  return { name, scenario: { ...rest, machine: bare, patches: named }, patchFiles };
}

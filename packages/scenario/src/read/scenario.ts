import { isCallName } from "../format/calls/index.js";
import type { Machine } from "../format/machine.js";
import { didYouMean } from "../format/nearest.js";
import type { Expectation, Scenario } from "../format/scenario.js";
import { scenarioSchema } from "../format/schema.js";
import type { Step } from "../format/step.js";
import { checkShape } from "./check-shape.js";
import { checkSteps } from "./check-steps.js";
import { type Document, problemIn } from "./document.js";
import type { FieldPath } from "./field-path.js";
import { InputError } from "./input-error.js";
import { parseJson } from "./json.js";
import { isPatchFile, type KnownNames } from "./known.js";
import { decodeUtf8 } from "./utf8.js";
import { parseYaml } from "./yaml.js";

export interface ReadOptions {
  /** Names what is read, in messages. */
  readonly file?: string;
  /** Left out: any kernel and patch may be named. */
  readonly known?: KnownNames;
}

/** Reads a scenario from YAML or JSON. Throws an {@link InputError} for the first mistake in it. */
export function readScenario(source: string | Uint8Array, options: ReadOptions = {}): Scenario {
  const file = options.file ?? "scenario";
  return scenarioFrom(parseDocument(textOf(source, file), file), options.known);
}

/** The text of a file, whichever way it was given. */
export function textOf(
  source: string | Uint8Array,
  file: string,
  hint = "a scenario has a list of steps",
): string {
  const text = typeof source === "string" ? source.replace(/^\uFEFF/, "") : decodeUtf8(source, file);
  if (text.trim() === "") throw new InputError(file, { problem: "is empty", hint });
  return text;
}

/** JSON where it looks like it and is; otherwise YAML, of which most JSON is a part. */
function parseDocument(text: string, file: string): Document {
  if (/\.json$/i.test(file)) return parseJson(text, file);
  if (!/^\s*[{[]/.test(text)) return parseYaml(text, file);
  try {
    return parseJson(text, file);
  } catch (error) {
    if (!(error instanceof InputError) || /^\s*\{\s*"/.test(text)) throw error;
    return parseYaml(text, file);
  }
}

function scenarioFrom(document: Document, known: KnownNames | undefined): Scenario {
  const { title, machine = {}, patches, steps, concurrently, expect } = checkShape(document, scenarioSchema);
  const checkedMachine = machine as Machine;
  if (known !== undefined) checkNames(document, checkedMachine, patches, known);
  const pageSize = checkedMachine.page_size ?? 4096;
  const before = checkSteps(document, steps, ["steps"], pageSize);
  const threads: Record<string, readonly Step[]> = {};
  for (const [thread, list] of Object.entries(concurrently ?? {})) {
    const path = ["concurrently", thread];
    const { steps: own } = checkSteps(document, list, path, pageSize, before.names);
    noJoins(document, own, path);
    threads[thread] = own;
  }
  return {
    ...(title === undefined ? {} : { title }),
    machine: checkedMachine,
    ...(patches === undefined ? {} : { patches }),
    steps: before.steps,
    ...(concurrently === undefined ? {} : { concurrently: threads }),
    ...(expect === undefined ? {} : { expect: expect as unknown as readonly Expectation[] }),
  };
}

function noJoins(document: Document, steps: readonly Step[], path: FieldPath): void {
  const index = steps.findIndex((step) => step.joined === true);
  if (index === -1) return;
  throw problemIn(document, {
    path: [...path, index, "joined"],
    problem: "a step of a thread is not observed by itself, and so is not joined to the next",
    hint: "leave it out",
  });
}

/** Holds the kernel and the patches against those that are built in. */
export function checkNames(
  document: Document,
  machine: Machine,
  patches: readonly string[] | undefined,
  known: KnownNames,
): void {
  if (machine.kernel !== undefined && !known.isKernel(machine.kernel))
    throw problemIn(document, {
      path: ["machine", "kernel"],
      problem: `unknown kernel "${machine.kernel}"`,
      hint: didYouMean(machine.kernel, known.kernels) ?? `kernels: ${known.kernels.join(", ")}`,
    });
  const lists: [FieldPath, readonly string[] | undefined][] = [
    [["machine", "patches"], machine.patches],
    [["patches"], patches],
  ];
  for (const [path, list] of lists)
    for (const [index, name] of (list ?? []).entries())
      if (!isPatchFile(name) && !known.patches.includes(name))
        throw problemIn(document, {
          path: [...path, index],
          problem: `unknown patch "${name}"`,
          hint: patchHint(name, known.patches),
        });
}

function patchHint(name: string, patches: readonly string[]): string {
  return didYouMean(name, patches) ?? 'see "kvmm patches"; a patch of your own is a file, ./mine.mjs';
}

/** A call that a thread or a step makes, for those who list what a scenario needs. */
export function callsOf(scenario: Scenario): readonly Step["call"][] {
  const all = [scenario.steps, ...Object.values(scenario.concurrently ?? {})].flat();
  return [...new Set(all.map((step) => step.call))].filter(isCallName);
}

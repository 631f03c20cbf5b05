import type { Machine } from "../format/machine.js";
import { didYouMean } from "../format/nearest.js";
import type { Observation } from "../format/observation.js";
import type { Recording } from "../format/recording.js";
import { recordingSchema } from "../format/schema.js";
import { checkShape } from "./check-shape.js";
import { checkSteps } from "./check-steps.js";
import { problemIn } from "./document.js";
import { InputError } from "./input-error.js";
import { parseJson } from "./json.js";
import { textOf } from "./scenario.js";

/** A recording, and the line of its file. */
export interface RecordingLine {
  readonly line: number;
  readonly recording: Recording;
}

/** Reads a file of recordings, one JSON document a line. Throws an {@link InputError} for the first mistake. */
export function readRecordings(source: string | Uint8Array, file = "recordings"): readonly RecordingLine[] {
  const found: RecordingLine[] = [];
  for (const { line, text } of recordingLines(textOf(source, file)))
    found.push({ line, recording: readRecording(text, file, line) });
  return found;
}

/** Picks one recording by its id; the others are not read further than that needs. */
export function findRecording(source: string | Uint8Array, id: string, file = "recordings"): RecordingLine {
  const ids: string[] = [];
  for (const { line, text } of recordingLines(textOf(source, file))) {
    const { value } = parseJson(text, file, line);
    const found = idOf(value);
    if (found === id) return { line, recording: readRecording(text, file, line) };
    if (found !== undefined) ids.push(found);
  }
  throw new InputError(file, {
    problem: `has no recording "${id}"`,
    hint:
      didYouMean(id, ids) ??
      (ids.length === 0 ? "it has none at all" : `it has ${ids.length}, such as "${ids[0]}"`),
  });
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
  return typeof value.id === "string" ? value.id : undefined;
}

function* recordingLines(text: string): Generator<{ line: number; text: string }> {
  let line = 0;
  let start = 0;
  while (start <= text.length) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    line++;
    const content = text.slice(start, end);
    if (content.trim() !== "") yield { line, text: content };
    start = end + 1;
  }
}

/** Reads one line of a file of recordings. */
export function readRecording(text: string, file: string, line = 1): Recording {
  const document = parseJson(text, file, line);
  const read = checkShape(document, recordingSchema);
  const machine = read.machine as Machine;
  const { steps } = checkSteps(document, read.steps, ["steps"], machine.page_size ?? 4096);
  const observed = read.observed as unknown as readonly Observation[];
  if (observed.length !== steps.length)
    throw problemIn(document, {
      path: ["observed"],
      problem: `has ${observed.length} entries for ${steps.length} steps`,
      hint: "steps and observed are equally long",
    });
  const last = steps[steps.length - 1];
  if (last?.joined === true)
    throw problemIn(document, {
      path: ["steps", steps.length - 1, "joined"],
      problem: "there is no step after it that it could be joined to",
    });
  return {
    id: read.id,
    machine,
    steps,
    observed,
    ...(read.traced === undefined ? {} : { traced: read.traced }),
    ...(read.note === undefined ? {} : { note: read.note }),
  };
}

import { type ConformInput, findRecording, readRecordings } from "@kvmm/scenario";
import type { Context } from "../context.js";
import { exists, nameOf, readBytes } from "./read-bytes.js";

/** Reads a file of recordings, or with `FILE#ID` one of them. */
export async function readRecordingsFile(
  argument: string,
  context: Pick<Context, "stdin">,
): Promise<ConformInput[]> {
  const at = argument.indexOf("#");
  if (at > 0 && !(await exists(argument))) {
    const file = argument.slice(0, at);
    const found = findRecording(await readBytes(file, context), argument.slice(at + 1), nameOf(file));
    return [{ file: nameOf(file), ...found }];
  }
  const file = nameOf(argument);
  return readRecordings(await readBytes(argument, context), file).map((line) => ({ file, ...line }));
}

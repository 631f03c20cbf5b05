import { memorySource } from "@kvmm/traces";
import type { Context } from "../context.js";
import { openSource } from "../input/open-source.js";
import { nameOf, readChunks } from "../input/read-bytes.js";
import { spill } from "../input/spill.js";
import type { Progress } from "../output/progress.js";
import { looksLikePerfData, PROBED, passingInput, type SpeInput, speInput } from "./spe-input.js";
import { joined } from "./spe-stream.js";

const MIB = 1 << 20;

/**
 * The SPE data of a file, of whatever size, or of standard input or a pipe, in bounded memory. SPE packets are decoded as
 * they come; perf.data that comes through a pipe is copied to a temporary file first, since its CPUs' data is interleaved.
 * @param raw - take the bytes as packets, whatever they are
 */
export async function openSpe(
  file: string,
  raw: boolean,
  context: Context,
  progress: Progress,
): Promise<SpeInput> {
  const name = nameOf(file);
  let total = 0;
  let decoded = 0;
  const onBytes = (bytes: number) => {
    decoded += bytes;
    progress.update(Math.ceil(decoded / MIB), Math.ceil(total / MIB), "MiB of SPE data");
  };
  const whole = (input: SpeInput): SpeInput => {
    for (const { pieces } of input.streams) for (const { size = 0 } of pieces) total += size;
    return input;
  };
  const source = file === "-" ? undefined : openSource(file);
  if (source !== undefined) return whole(speInput(source, name, raw, onBytes));
  const { start, rest } = await begun(await readChunks(file, context));
  if (rest === undefined) return whole(speInput(memorySource(start), name, raw, onBytes));
  let passed = 0;
  const onPassing = (bytes: number) => {
    passed += bytes;
    progress.count(Math.ceil(passed / MIB), `MiB of ${name}`);
  };
  if (raw || !looksLikePerfData(start)) return passingInput(start, rest, name, raw, onPassing);
  const kept = await spill(rest, name, onPassing);
  progress.clear();
  return whole(speInput(kept, name, raw, onBytes));
}

/** The first bytes of what comes once, and all of it, them included; without `rest` there are no others. */
async function begun(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly start: Uint8Array; readonly rest?: AsyncIterable<Uint8Array> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  let start: Uint8Array = new Uint8Array(0);
  while (start.length < PROBED) {
    const { value, done } = await iterator.next();
    if (done === true) return { start };
    start = joined(start, value);
  }
  const all = async function* () {
    yield start;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
  };
  return { start, rest: all() };
}

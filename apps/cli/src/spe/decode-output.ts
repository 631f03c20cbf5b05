import { CSV_HEADER, csvLine, dumpLines, type PerfVersion, recordRow } from "@kvmm/spe-model";
import type { SpeInput } from "./spe-input.js";
import { recordBatches, type SpeStream } from "./spe-stream.js";

export interface DumpOptions {
  readonly version: PerfVersion;
  readonly asPerf: boolean;
}

/** Every packet on a line, as `perf report --dump-raw-trace` prints them: a part of the output at a time. */
export function* dumpOutput({ streams }: SpeInput, options: DumpOptions): Generator<string, void, undefined> {
  for (const stream of streams) {
    for (const { auxOffset, fileOffset, size } of stream.pieces) {
      if (stream.of !== undefined) yield `${nameOfStream(stream)}, AUX offset 0x${auxOffset.toString(16)}\n`;
      const bytes = stream.source.read(fileOffset, size);
      yield* lines(dumpLines(bytes, { ...options, base: auxOffset, midr: stream.midr }));
    }
  }
}

/** A line for each record. */
export function* csvOutput({ streams }: SpeInput): Generator<string, void, undefined> {
  yield `cpu,tid,${CSV_HEADER}\n`;
  for (const stream of streams) {
    const of = stream.of === undefined ? "," : `${stream.of.cpu},${stream.of.tid}`;
    for (const columns of recordBatches(stream)) {
      let text = "";
      for (let row = 0; row < columns.count; row++) text += `${of},${csvLine(columns, row)}\n`;
      yield text;
    }
  }
}

/** One document, written as it is read: a stream for each CPU, and in it an object for each record. */
export function* jsonOutput(
  { format, streams, error }: SpeInput,
  file: string,
): Generator<string, void, undefined> {
  yield `{\n  "file": ${JSON.stringify(file)},\n  "format": "${format}",\n  "streams": [`;
  for (const [index, stream] of streams.entries()) {
    const { cpu, tid } = stream.of ?? { cpu: null, tid: null };
    const notes = JSON.stringify(stream.notes);
    yield `${index === 0 ? "" : ","}\n    {\n      "cpu": ${cpu},\n      "tid": ${tid},\n      "notes": ${notes},\n      "records": [`;
    const bytes = { records: 0, unterminated: 0, padding: 0, bad: 0 };
    let isFirst = true;
    for (const columns of recordBatches(stream)) {
      let text = "";
      for (let row = 0; row < columns.count; row++) {
        text += `${isFirst ? "" : ","}\n        ${JSON.stringify(recordRow(columns, row))}`;
        isFirst = false;
      }
      Object.assign(bytes, columns.account);
      yield text;
    }
    yield `\n      ],\n      "bytes": ${JSON.stringify(bytes)}\n    }`;
  }
  yield `\n  ],\n  "error": ${JSON.stringify(error?.problem ?? null)}\n}\n`;
}

export function nameOfStream({ of }: SpeStream): string {
  if (of === undefined) return "the file";
  return of.cpu === -1 ? `thread ${of.tid}` : `CPU ${of.cpu}`;
}

const BATCH = 64 * 1024;

/** Lines, some at a time. */
function* lines(each: Iterable<string>): Generator<string, void, undefined> {
  let text = "";
  for (const line of each) {
    text += `${line}\n`;
    if (text.length < BATCH) continue;
    yield text;
    text = "";
  }
  yield text;
}

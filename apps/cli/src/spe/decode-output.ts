import {
  CSV_HEADER,
  csvLine,
  type DecodedPacket,
  dumpHeader,
  MAX_PACKET_SIZE,
  PacketDecoder,
  PacketLines,
  type PerfVersion,
  recordRow,
} from "@kvmm/spe-model";
import type { SpeInput } from "./spe-input.js";
import { recordBatches, type SpeStream } from "./spe-stream.js";

export interface DumpOptions {
  readonly version: PerfVersion;
  readonly asPerf: boolean;
}

/** Every packet on a line, as `perf report --dump-raw-trace` prints them: a part of the output at a time. */
export function* dumpOutput({ streams }: SpeInput, options: DumpOptions): Generator<string, void, undefined> {
  for (const stream of streams) {
    for (const piece of stream.pieces) {
      if (stream.of !== undefined)
        yield `${nameOfStream(stream)}, AUX offset 0x${piece.auxOffset.toString(16)}\n`;
      yield* dumpOf(stream, piece, options);
    }
  }
}

/** One piece of AUX data, read and written part by part. */
function* dumpOf(
  { source, midr, onDecoded }: SpeStream,
  { auxOffset, fileOffset, size }: SpeStream["pieces"][number],
  options: DumpOptions,
): Generator<string, void, undefined> {
  const all = { ...options, base: auxOffset % MAX_PACKET_SIZE, midr };
  const decoder = new PacketDecoder(all);
  const lines = new PacketLines(all);
  let text = `${dumpHeader(size)}\n`;
  const sink = (packet: DecodedPacket) => {
    text += `${lines.line(packet, source.read(fileOffset + packet.offset, packet.size))}\n`;
  };
  for (let at = 0; at < size; at += BATCH) {
    const length = Math.min(BATCH, size - at);
    decoder.push(source.read(fileOffset + at, length), sink);
    onDecoded?.(length);
    yield text;
    text = "";
  }
  decoder.end(sink);
  yield text;
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

/** Bytes of packets at a time. */
const BATCH = 64 * 1024;

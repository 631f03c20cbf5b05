import {
  CSV_HEADER,
  csvLine,
  type DecodedPacket,
  dataSourceEncoding,
  dumpHeader,
  MAX_PACKET_SIZE,
  PacketDecoder,
  PacketLines,
  type PerfVersion,
  recordRow,
} from "@kvmm/spe-model";
import type { SpeInput } from "./spe-input.js";
import { joined, type RecordBatch, recordBatches, type SpePiece, type SpeStream } from "./spe-stream.js";

export interface DumpOptions {
  readonly version: PerfVersion;
  readonly asPerf: boolean;
}

type Output = AsyncGenerator<string, void, undefined>;

/** Every packet on a line, as `perf report --dump-raw-trace` prints them: a part of the output at a time. */
export async function* dumpOutput({ streams }: SpeInput, options: DumpOptions): Output {
  for (const stream of streams) {
    for (const piece of stream.pieces) {
      if (stream.of !== undefined)
        yield `${nameOfStream(stream)}, AUX offset 0x${piece.auxOffset.toString(16)}\n`;
      yield* dumpOf(piece, { ...options, base: piece.auxOffset % MAX_PACKET_SIZE, midr: stream.midr });
    }
  }
}

/** One piece of AUX data, read and written part by part. */
async function* dumpOf(
  piece: SpePiece,
  options: DumpOptions & { readonly base: number; readonly midr: bigint },
): Output {
  const decoder = new PacketDecoder(options);
  const lines = new PacketLines(options);
  // The bytes of packets that have not ended, and those behind them.
  let bytes: Uint8Array = new Uint8Array(0);
  let start = 0;
  let text = "";
  const sink = (packet: DecodedPacket) => {
    const at = packet.offset - start;
    text += `${lines.line(packet, bytes.subarray(at, at + packet.size))}\n`;
  };
  yield `${piece.size === undefined ? STREAM_HEADER : dumpHeader(piece.size)}\n`;
  for await (const chunk of piece.chunks()) {
    for (let at = 0; at < chunk.length; at += BATCH) {
      const part = chunk.subarray(at, at + BATCH);
      bytes = joined(bytes.subarray(decoder.offset - start), part);
      start = decoder.offset;
      decoder.push(part, sink);
      yield text;
      text = "";
    }
  }
  decoder.end(sink);
  yield text;
}

/** Bytes of packets whose lines are put together at a time. */
const BATCH = 64 * 1024;

/** The line above the dump of what has no end yet. */
const STREAM_HEADER = ". ... ARM SPE data: as it comes";

/** A line for each record. */
export async function* csvOutput({ streams }: SpeInput): Output {
  yield `cpu,tid,${CSV_HEADER}\n`;
  for (const stream of streams) {
    const of = stream.of === undefined ? "," : `${stream.of.cpu},${stream.of.tid}`;
    const encoding = sourceEncoding(stream);
    for await (const { columns } of recordBatches(stream)) {
      let text = "";
      for (let row = 0; row < columns.count; row++) text += `${of},${csvLine(columns, row, encoding)}\n`;
      yield text;
    }
  }
}

/** One document, written as it is read: a stream for each CPU, and in it an object for each record. */
export async function* jsonOutput({ format, streams, error }: SpeInput, file: string): Output {
  yield `{\n  "file": ${JSON.stringify(file)},\n  "format": "${format}",\n  "streams": [`;
  for (const [index, stream] of streams.entries()) {
    const { cpu, tid } = stream.of ?? { cpu: null, tid: null };
    const notes = JSON.stringify(stream.notes);
    yield `${index === 0 ? "" : ","}\n    {\n      "cpu": ${cpu},\n      "tid": ${tid},\n      "notes": ${notes},\n      "records": [`;
    const bytes = { records: 0, unterminated: 0, padding: 0, bad: 0 };
    const encoding = sourceEncoding(stream);
    let isFirst = true;
    for await (const batch of recordBatches(stream)) {
      let text = "";
      for (const object of objectsOf(batch, encoding)) {
        text += `${isFirst ? "" : ","}\n        ${JSON.stringify(object)}`;
        isFirst = false;
      }
      Object.assign(bytes, batch.columns.account);
      yield text;
    }
    const pieces = stream.pieces.map(({ auxOffset, size }) => ({ offset: auxOffset, size }));
    yield `\n      ],\n      "pieces": ${JSON.stringify(pieces)},\n      "bytes": ${JSON.stringify(bytes)}\n    }`;
  }
  yield `\n  ],\n  "error": ${JSON.stringify(error?.problem ?? null)}\n}\n`;
}

/** The records of a batch with their bytes, and what lies between them and is not all zeros. */
function* objectsOf(
  { columns, bytes, at, from, to }: RecordBatch,
  encoding: ReturnType<typeof sourceEncoding>,
): Generator<object, void, undefined> {
  let done = from;
  for (let row = 0; row < columns.count; row++) {
    const start = columns.offset[row]! - at;
    yield* others(bytes, done, start, at);
    done = start + columns.size[row]!;
    yield { ...recordRow(columns, row, encoding), hex: hexOf(bytes, start, done) };
  }
  yield* others(bytes, done, to, at);
}

/** Bytes outside of records as an object, without the zeros around them. */
function* others(
  bytes: Uint8Array,
  from: number,
  to: number,
  at: number,
): Generator<object, void, undefined> {
  let start = from;
  let end = to;
  while (start < end && bytes[start] === 0) start++;
  while (end > start && bytes[end - 1] === 0) end--;
  if (start < end) yield { offset: at + start, hex: hexOf(bytes, start, end) };
}

function hexOf(bytes: Uint8Array, from: number, to: number): string {
  let hex = "";
  for (let at = from; at < to; at++) hex += HEX[bytes[at]!]!;
  return hex;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** What data sources mean; where the CPU is not known, what is common. */
function sourceEncoding({ midr }: SpeStream) {
  return midr === 0n ? "common" : (dataSourceEncoding(midr) ?? null);
}

export function nameOfStream({ of }: SpeStream): string {
  if (of === undefined) return "the file";
  return of.cpu === -1 ? `thread ${of.tid}` : `CPU ${of.cpu}`;
}

import { InputError } from "@kvmm/scenario";
import {
  CSV_HEADER,
  EncodeError,
  encodeRecord,
  parseCsvLine,
  type RecordRow,
  recordOfRow,
} from "@kvmm/spe-model";
import type { DumpedBuffer } from "./read-dump.js";

/** A row, and where it stands: `line 3`, `streams[0].records[2]`. */
interface PlacedRow {
  readonly where: string;
  readonly row: RecordRow;
}

interface RowStream {
  readonly cpu: number;
  readonly tid: number;
  readonly rows: readonly PlacedRow[];
}

const HEADER_LINE = `cpu,tid,${CSV_HEADER}`;

/** Where records are further apart, what lies between is no padding; a buffer starts at a multiple of it. */
const PAGE = 4096;
/** Records are a multiple of what divides all their offsets, up to this. */
const MOST_ALIGNED = 64;

/**
 * The records in what `kvmm spe decode --json` and `--csv` print, as bytes in which each stands where it did; undefined for
 * anything else.
 * @throws InputError for a value that no record has, or records that overlap
 */
export function readRecords(text: string, name: string): readonly DumpedBuffer[] | undefined {
  const streams = text.startsWith(HEADER_LINE)
    ? csvStreams(text, name)
    : /^\s*\{/.test(text)
      ? jsonStreams(text, name)
      : undefined;
  if (streams === undefined) return undefined;
  const buffers = streams.flatMap((stream) => buffersOf(stream, name));
  if (buffers.length === 0) throw new InputError(name, { problem: "has no records" });
  return buffers;
}

function csvStreams(text: string, name: string): RowStream[] {
  const streams = new Map<string, { cpu: number; tid: number; rows: PlacedRow[] }>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (index === 0 || line === "") continue;
    const where = `line ${index + 1}`;
    const [, cpu, tid, values] = /^(-?\d*),(-?\d*),(.*)$/.exec(line) ?? [];
    if (values === undefined)
      throw new InputError(name, { problem: `${where}: does not start with a CPU and a thread` });
    const stream = streams.get(`${cpu},${tid}`) ?? { ...owner(cpu, tid), rows: [] };
    streams.set(`${cpu},${tid}`, stream);
    stream.rows.push({ where, row: told(name, where, () => parseCsvLine(values)) });
  }
  return [...streams.values()];
}

function jsonStreams(text: string, name: string): RowStream[] {
  const document = parse(text, name);
  const streams = listIn(document, "streams", name, "");
  return streams.map((stream, n) => {
    const { cpu, tid } = stream as { readonly cpu?: unknown; readonly tid?: unknown };
    const rows = listIn(stream, "records", name, `streams[${n}].`);
    return {
      ...owner(cpu, tid),
      rows: rows.map((row, at) => ({ where: `streams[${n}].records[${at}]`, row: row as RecordRow })),
    };
  });
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(name, { problem: `is not JSON: ${(error as SyntaxError).message}` });
  }
}

function listIn(value: unknown, key: string, name: string, at: string): readonly object[] {
  const list = (value as Readonly<Record<string, unknown>>)[key];
  if (Array.isArray(list) && list.every((item) => typeof item === "object" && item !== null)) return list;
  throw new InputError(name, {
    problem: `has no list of objects ${at}${key}`,
    hint: "kvmm spe decode --json prints it",
  });
}

/** Whose the records are; those of a raw file are CPU 0's. */
function owner(cpu: unknown, tid: unknown): { readonly cpu: number; readonly tid: number } {
  const number = (value: unknown, otherwise: number) =>
    /^-?\d+$/.test(`${value}`) ? Number(value) : otherwise;
  return { cpu: number(cpu, 0), tid: number(tid, -1) };
}

/** Bytes of a stream: a buffer for each stretch of it without a gap. */
function buffersOf({ cpu, tid, rows }: RowStream, name: string): DumpedBuffer[] {
  const placed = rows.map(({ where, row }) => ({ where, row, offset: offsetOf(row, where, name) }));
  const alignment = Math.min(MOST_ALIGNED, ...placed.map(({ offset }) => alignmentOf(offset)));
  const buffers: { auxOffset: number; bytes: number[] }[] = [];
  for (const [index, { where, row, offset }] of placed.entries()) {
    let buffer = buffers.at(-1);
    const end = buffer === undefined ? 0 : buffer.auxOffset + buffer.bytes.length;
    if (offset < end)
      throw new InputError(name, {
        problem: `${where}: a record at byte ${offset}, where the one before ends at ${end}`,
        hint: "records should stand in the order in which they were printed",
      });
    if (buffer === undefined || offset - end >= PAGE) {
      buffer = { auxOffset: offset - (offset % PAGE), bytes: [] };
      buffers.push(buffer);
    }
    for (let at = buffer.auxOffset + buffer.bytes.length; at < offset; at++) buffer.bytes.push(0);
    const room = (placed[index + 1]?.offset ?? Number.POSITIVE_INFINITY) - offset;
    for (const byte of told(name, where, () => encoded(row, room, placed.length === 1 ? 1 : alignment)))
      buffer.bytes.push(byte);
  }
  return buffers.map(({ auxOffset, bytes }) => ({ cpu, tid, auxOffset, bytes: Uint8Array.from(bytes) }));
}

/** A record with the padding that keeps records aligned, where there is room for it. */
function encoded(row: RecordRow, room: number, alignment: number): Uint8Array {
  const record = recordOfRow(row);
  const padded = encodeRecord(record, alignment);
  return padded.length <= room ? padded : encodeRecord(record);
}

function offsetOf({ offset }: RecordRow, where: string, name: string): number {
  const value = /^\d{1,15}$/.test(`${offset}`) ? Number(offset) : Number.NaN;
  if (Number.isNaN(value))
    throw new InputError(name, { problem: `${where}: offset is ${offset}, not a number of bytes` });
  return value;
}

/** The largest power of two that divides an offset, up to the most that counts. */
function alignmentOf(offset: number): number {
  let alignment = 1;
  while (alignment < MOST_ALIGNED && offset % (2 * alignment) === 0) alignment *= 2;
  return alignment;
}

function told<T>(name: string, where: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof EncodeError) throw new InputError(name, { problem: `${where}: ${error.message}` });
    throw error;
  }
}

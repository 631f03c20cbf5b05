import { InputError } from "@kvmm/scenario";
import { CSV_HEADER, parseCsvLine, type RecordRow } from "@kvmm/spe-model";
import type { AuxNoteData } from "@kvmm/traces";
import { type PlacedRow, placeRows, type RowPiece, told } from "./place-rows.js";
import type { DumpedData } from "./read-dump.js";

interface RowStream {
  readonly cpu: number;
  readonly tid: number;
  readonly rows: readonly PlacedRow[];
  /** As the document says; undefined where it does not. */
  readonly pieces?: readonly RowPiece[];
  readonly notes?: readonly Omit<AuxNoteData, "cpu" | "tid">[];
}

const HEADER_LINE = `cpu,tid,${CSV_HEADER}`;

/**
 * The records in what `kvmm spe decode --json` and `--csv` print, as bytes in which each stands where it did; undefined for
 * anything else.
 * @throws InputError for a value that no record has, or records that overlap
 */
export function readRecords(text: string, name: string): DumpedData | undefined {
  const streams = text.startsWith(HEADER_LINE)
    ? csvStreams(text, name)
    : /^\s*\{/.test(text)
      ? jsonStreams(text, name)
      : undefined;
  if (streams === undefined) return undefined;
  const buffers = streams.flatMap(({ cpu, tid, rows, pieces }) =>
    placeRows(rows, pieces, name).map((buffer) => ({ cpu, tid, ...buffer })),
  );
  if (buffers.length === 0) throw new InputError(name, { problem: "has no records" });
  if (streams.every(({ notes }) => notes === undefined)) return { buffers };
  const notes = streams.flatMap((stream) =>
    (stream.notes ?? []).map((note) => ({ cpu: stream.cpu, tid: stream.tid, ...note })),
  );
  return { buffers, notes };
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
  return listIn(document, "streams", name, "").map((stream, n) => {
    const at = `streams[${n}].`;
    const { cpu, tid, pieces, notes } = stream as Readonly<Record<string, unknown>>;
    const rows = listIn(stream, "records", name, at).map((row, index) => ({
      where: `${at}records[${index}]`,
      row: row as RecordRow,
    }));
    return {
      ...owner(cpu, tid),
      rows,
      ...(pieces === undefined ? {} : { pieces: piecesIn(stream, name, at) }),
      ...(notes === undefined ? {} : { notes: notesIn(stream, name, at) }),
    };
  });
}

function piecesIn(stream: object, name: string, at: string): readonly RowPiece[] {
  return listIn(stream, "pieces", name, at).map((piece, index) =>
    rangeOf(piece, name, `${at}pieces[${index}]`),
  );
}

function notesIn(stream: object, name: string, at: string): NonNullable<RowStream["notes"]> {
  return listIn(stream, "notes", name, at).map((note, index) => {
    const { offset: auxOffset, size } = rangeOf(note, name, `${at}notes[${index}]`);
    const said = note as Readonly<Record<string, unknown>>;
    const flags = {
      truncated: said["truncated"] === true,
      overwrite: said["overwrite"] === true,
      partial: said["partial"] === true,
      collision: said["collision"] === true,
    };
    return { auxOffset, size, flags };
  });
}

function rangeOf(range: object, name: string, where: string): RowPiece {
  const { offset, size } = range as Readonly<Record<string, unknown>>;
  const isBytes = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (isBytes(offset) && isBytes(size)) return { offset, size };
  throw new InputError(name, { problem: `${where}: offset and size should be whole numbers of bytes` });
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

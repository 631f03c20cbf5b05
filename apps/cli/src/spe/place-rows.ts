import { InputError } from "@kvmm/scenario";
import {
  CSV_HEADER,
  decodeColumns,
  EncodeError,
  encodeRecord,
  RecordColumns,
  type RecordRow,
  recordOfRow,
  recordRow,
} from "@kvmm/spe-model";

/** A row, and where it stands: `line 3`, `streams[0].records[2]`. */
export interface PlacedRow {
  readonly where: string;
  /** With `hex`, the record's own bytes; with that and `offset` alone, bytes outside of records. */
  readonly row: RecordRow & { readonly hex?: unknown };
}

/** A range of the AUX stream: bytes. */
export interface RowPiece {
  readonly offset: number;
  readonly size: number;
}

/** A stretch of the AUX stream. */
export interface PlacedBytes {
  readonly auxOffset: number;
  readonly bytes: Uint8Array;
}

/** Where records are further apart, what lies between is no padding; a buffer starts at a multiple of it. */
const PAGE = 4096;
/** Records are a multiple of what divides all their offsets, up to this. */
const MOST_ALIGNED = 64;
/** What can be written to one file: bytes. */
const MOST = 2 ** 30;

/**
 * The bytes of rows, each where it says, and zeros between: in the pieces that are given, else in a buffer for each
 * stretch without a gap.
 * @throws InputError for a value that no record has, or rows that overlap or lie outside of the pieces
 */
export function placeRows(
  rows: readonly PlacedRow[],
  pieces: readonly RowPiece[] | undefined,
  name: string,
): readonly PlacedBytes[] {
  const placed = rows.map((each) => ({ ...each, offset: offsetOf(each, name) }));
  const alignment = Math.min(MOST_ALIGNED, ...placed.map(({ offset }) => alignmentOf(offset)));
  const writer = pieces === undefined ? new Stretches(name) : new Pieces(pieces, name);
  let end = 0;
  for (const [index, { where, row, offset }] of placed.entries()) {
    if (offset < end)
      throw new InputError(name, {
        problem: `${where}: a record at byte ${offset}, where the one before ends at ${end}`,
        hint: "records should stand in the order in which they were printed",
      });
    const room = (placed[index + 1]?.offset ?? Number.POSITIVE_INFINITY) - offset;
    const bytes =
      row.hex === undefined
        ? told(name, where, () => encoded(row, room, placed.length === 1 ? 1 : alignment))
        : ownBytes(row, where, name);
    writer.write(offset, bytes, where);
    end = offset + bytes.length;
  }
  return writer.result();
}

/** Buffers as large as what is written to them. */
class Stretches {
  readonly #buffers: { auxOffset: number; bytes: number[] }[] = [];

  constructor(private readonly name: string) {}

  write(offset: number, bytes: Uint8Array, where: string): void {
    let buffer = this.#buffers.at(-1);
    const end = buffer === undefined ? 0 : buffer.auxOffset + buffer.bytes.length;
    if (buffer === undefined || offset - end >= PAGE) {
      buffer = { auxOffset: offset - (offset % PAGE), bytes: [] };
      this.#buffers.push(buffer);
    }
    if (buffer.bytes.length > MOST) throw tooMuch(this.name, where);
    for (let at = buffer.auxOffset + buffer.bytes.length; at < offset; at++) buffer.bytes.push(0);
    for (const byte of bytes) buffer.bytes.push(byte);
  }

  result(): PlacedBytes[] {
    return this.#buffers.map(({ auxOffset, bytes }) => ({ auxOffset, bytes: Uint8Array.from(bytes) }));
  }
}

/** Buffers of given sizes. A record may go over the end of one where the next follows on; its padding is overlapped. */
class Pieces {
  readonly #pieces: readonly PlacedBytes[];
  #first = 0;

  constructor(
    pieces: readonly RowPiece[],
    private readonly name: string,
  ) {
    if (pieces.reduce((sum, { size }) => sum + size, 0) > MOST) throw tooMuch(name, "pieces");
    this.#pieces = pieces.map(({ offset, size }) => ({ auxOffset: offset, bytes: new Uint8Array(size) }));
  }

  write(offset: number, bytes: Uint8Array, where: string): void {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const piece = this.#pieces[this.#first];
      if (piece === undefined)
        throw new InputError(this.name, { problem: `${where}: no piece has byte ${at} of the stream` });
      const next = this.#pieces[this.#first + 1];
      const end = piece.auxOffset + piece.bytes.length;
      const isFollowed = next !== undefined && next.auxOffset > piece.auxOffset && next.auxOffset <= end;
      const own = isFollowed ? next.auxOffset : end;
      if (at < piece.auxOffset || at >= own) {
        this.#first++;
        continue;
      }
      const part = bytes.subarray(done, done + own - at);
      piece.bytes.set(part, at - piece.auxOffset);
      done += part.length;
    }
  }

  result(): readonly PlacedBytes[] {
    return this.#pieces;
  }
}

function tooMuch(name: string, where: string): InputError {
  return new InputError(name, { problem: `${where}: more than ${MOST} bytes of SPE data` });
}

/** A record with the padding that keeps records aligned, where there is room for it. */
function encoded(row: RecordRow, room: number, alignment: number): Uint8Array {
  const record = recordOfRow(row);
  const padded = encodeRecord(record, alignment);
  return padded.length <= room ? padded : encodeRecord(record);
}

/** A row's `hex`, which has to say what its other values say. */
function ownBytes(row: PlacedRow["row"], where: string, name: string): Uint8Array {
  const { hex } = row;
  if (typeof hex !== "string" || !/^([0-9a-f]{2})+$/.test(hex))
    throw new InputError(name, { problem: `${where}: hex should be an even number of hexadecimal digits` });
  const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, at) =>
    Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16),
  );
  const said = (CSV_HEADER.split(",") as (keyof RecordRow)[]).filter((column) => row[column] !== undefined);
  if (said.length === 1) return bytes;
  const columns = new RecordColumns(1);
  const at = Number(row.offset);
  decodeColumns(bytes, columns, { base: at, offset: at });
  const says = columns.count === 1 ? recordRow(columns, 0) : undefined;
  const numbered = columns.count === 1 ? recordRow(columns, 0, null) : undefined;
  for (const column of said) {
    const value = row[column];
    if (value === says?.[column] || value === numbered?.[column]) continue;
    throw new InputError(name, {
      problem: `${where}: ${column} is ${value}, but its hex says ${says?.[column] ?? "nothing of it"}`,
      hint: "delete hex, and the record is made of the other values",
    });
  }
  return bytes;
}

function offsetOf({ where, row: { offset } }: PlacedRow, name: string): number {
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

export function told<T>(name: string, where: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof EncodeError) throw new InputError(name, { problem: `${where}: ${error.message}` });
    throw error;
  }
}

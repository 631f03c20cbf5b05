import { decodeColumns, RecordColumns, type StreamNote } from "@kvmm/spe-model";

/** Bytes of SPE data that follow each other: an AUXTRACE record's, or a whole raw file's. */
export interface SpePiece {
  /** Bytes from the start of the AUX stream: what alignment packets count from. */
  readonly auxOffset: number;
  /** Bytes; undefined while they still come. */
  readonly size: number | undefined;
  /** The first `most` bytes, part by part, each above twice the longest packet where there are as many. */
  chunks(most?: number): AsyncIterable<Uint8Array>;
}

/** What the driver said of a range of the AUX stream. */
export interface SpeNote extends StreamNote {
  /** Bytes from the start of the AUX stream. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** Taken in snapshot mode. */
  readonly overwrite: boolean;
}

/** The SPE data of one CPU or thread, or all of a raw file. */
export interface SpeStream {
  /** In the order of the file. */
  readonly pieces: readonly SpePiece[];
  readonly notes: readonly SpeNote[];
  /** MIDR_EL1 of the CPU; 0 where it is not known. */
  readonly midr: bigint;
  /** Whose it is; undefined for a raw file. */
  readonly of?: { readonly cpu: number; readonly tid: number };
}

/** Records that were decoded together, and the bytes that they came from. */
export interface RecordBatch {
  /** The same object each time: it holds this batch only. */
  readonly columns: RecordColumns;
  readonly bytes: Uint8Array;
  /** Where in the AUX stream the bytes start; the columns' offsets count from the stream's start. */
  readonly at: number;
  /** The part of the bytes that the batch covers. */
  readonly from: number;
  readonly to: number;
}

const ROWS = 1 << 14;
/** perf fills AUX data up to a multiple of this. */
const PADDING = 8;

/** Bytes of the AUX stream that follow each other. */
interface Run {
  readonly auxOffset: number;
  readonly parts: readonly { readonly piece: SpePiece; readonly size: number }[];
}

/**
 * The records of a stream, in batches. Records that go over the end of a piece of AUX data are put together where the
 * next piece follows on.
 */
export async function* recordBatches(stream: SpeStream): AsyncGenerator<RecordBatch, void, undefined> {
  const columns = new RecordColumns(ROWS);
  for (const run of runsOf(stream.pieces)) {
    let at = run.auxOffset;
    let rest: Uint8Array = new Uint8Array(0);
    for await (const { chunk, isLast } of chunksOf(run)) {
      const bytes = joined(rest, chunk);
      for (let from = 0; ; ) {
        columns.clear();
        const to = decodeColumns(bytes, columns, { from, base: at, offset: at, final: isLast });
        yield { columns, bytes, at, from, to };
        from = to;
        if (columns.count < columns.capacity) {
          rest = bytes.slice(to);
          at += to;
          break;
        }
      }
    }
  }
}

/** Pieces that follow each other, put together; the padding between them left out. */
export function runsOf(pieces: readonly SpePiece[]): readonly Run[] {
  const runs: { auxOffset: number; end: number; parts: { piece: SpePiece; size: number }[] }[] = [];
  for (const piece of pieces) {
    const size = piece.size ?? Number.POSITIVE_INFINITY;
    const last = runs.at(-1);
    const before = last?.parts.at(-1);
    const overlap = last === undefined ? -1 : last.end - piece.auxOffset;
    if (last && before && overlap >= 0 && overlap < PADDING && overlap <= before.size) {
      before.size -= overlap;
      last.parts.push({ piece, size });
      last.end = piece.auxOffset + size;
    } else runs.push({ auxOffset: piece.auxOffset, end: piece.auxOffset + size, parts: [{ piece, size }] });
  }
  return runs;
}

async function* chunksOf({ parts }: Run): AsyncGenerator<{ chunk: Uint8Array; isLast: boolean }> {
  let pending: Uint8Array = new Uint8Array(0);
  for (const { piece, size } of parts) {
    for await (const chunk of piece.chunks(size)) {
      if (pending.length > 0) yield { chunk: pending, isLast: false };
      pending = chunk;
    }
  }
  yield { chunk: pending, isLast: true };
}

/** Bytes that are left, and those that follow. */
export function joined(rest: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (rest.length === 0) return bytes;
  const all = new Uint8Array(rest.length + bytes.length);
  all.set(rest);
  all.set(bytes, rest.length);
  return all;
}

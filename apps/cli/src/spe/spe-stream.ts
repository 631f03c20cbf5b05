import { decodeColumns, RecordColumns, type StreamNote } from "@kvmm/spe-model";
import type { AuxPiece, ByteSource } from "@kvmm/traces";

/** The SPE data of one CPU or thread, or all of a raw file. */
export interface SpeStream {
  readonly source: ByteSource;
  /** In the order of the file. */
  readonly pieces: readonly AuxPiece[];
  /** What the driver said of it. */
  readonly notes: readonly StreamNote[];
  /** MIDR_EL1 of the CPU; 0 where it is not known. */
  readonly midr: bigint;
  /** Whose it is; undefined for a raw file. */
  readonly of?: { readonly cpu: number; readonly tid: number };
  /** Called with the number of bytes that have been decoded since the last call. */
  readonly onDecoded?: (bytes: number) => void;
}

/** Bytes decoded at a time: above twice the longest packet, below what a terminal would wait for. */
const CHUNK = 1 << 20;
const ROWS = 1 << 14;
/** perf fills AUX data up to a multiple of this. */
const PADDING = 8;

/** Bytes of the AUX stream that follow each other, in chunks. */
interface Run {
  readonly auxOffset: number;
  readonly parts: readonly { readonly fileOffset: number; readonly size: number }[];
}

/**
 * The records of a stream, in batches: the columns are the same object each time, and hold the next batch only.
 * Records that go over the end of a piece of AUX data are put together where the next piece follows on.
 */
export function* recordBatches(stream: SpeStream): Generator<RecordColumns, void, undefined> {
  const columns = new RecordColumns(ROWS);
  for (const run of runsOf(stream.pieces)) {
    let at = run.auxOffset;
    let rest = new Uint8Array(0);
    for (const { bytes, isLast } of chunksOf(stream, run)) {
      const input = joined(rest, bytes);
      let from = 0;
      for (;;) {
        columns.clear();
        from = decodeColumns(input, columns, { from, base: at, offset: at, final: isLast });
        const isFull = columns.count === columns.capacity;
        if (columns.count > 0 || isLast) yield columns;
        if (!isFull) break;
      }
      rest = input.slice(from);
      at += from;
    }
  }
}

/** Pieces that follow each other, put together; the padding between them left out. */
function runsOf(pieces: readonly AuxPiece[]): Run[] {
  const runs: { auxOffset: number; end: number; parts: { fileOffset: number; size: number }[] }[] = [];
  for (const { auxOffset, fileOffset, size } of pieces) {
    const last = runs.at(-1);
    const overlap = last === undefined ? -1 : last.end - auxOffset;
    const before = last?.parts.at(-1);
    if (
      last !== undefined &&
      before !== undefined &&
      overlap >= 0 &&
      overlap < PADDING &&
      overlap <= before.size
    ) {
      before.size -= overlap;
      last.parts.push({ fileOffset, size });
      last.end = auxOffset + size;
    } else runs.push({ auxOffset, end: auxOffset + size, parts: [{ fileOffset, size }] });
  }
  return runs;
}

function* chunksOf(
  { source, onDecoded }: SpeStream,
  { parts }: Run,
): Generator<{ bytes: Uint8Array; isLast: boolean }> {
  const cuts = parts.flatMap(({ fileOffset, size }) =>
    Array.from({ length: Math.max(1, Math.ceil(size / CHUNK)) }, (_, n) => ({
      at: fileOffset + n * CHUNK,
      length: Math.min(CHUNK, size - n * CHUNK),
    })),
  );
  for (const [index, { at, length }] of cuts.entries()) {
    yield { bytes: source.read(at, length), isLast: index === cuts.length - 1 };
    onDecoded?.(length);
  }
}

function joined(rest: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (rest.length === 0) return bytes;
  const all = new Uint8Array(rest.length + bytes.length);
  all.set(rest);
  all.set(bytes, rest.length);
  return all;
}

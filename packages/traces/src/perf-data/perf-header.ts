import { ByteReader } from "../bytes/byte-reader.js";
import type { ByteSource } from "../bytes/byte-source.js";
import { PerfDataError } from "./perf-data-error.js";
import { decodeAttr, type PerfEventAttr } from "./perf-event-attr.js";

/** "PERFILE2", little-endian. */
export const MAGIC = 0x32454c4946524550n;
const MAGIC_SWAPPED = 0x50455246494c4532n;
/** Bytes of the header of a file; one that went through a pipe has 16. */
export const HEADER_SIZE = 104;
const PIPE_HEADER_SIZE = 16;
const MAX_ATTRIBUTES = 4096;

/** What stands at the start of a file. */
export interface PerfHeader {
  readonly littleEndian: boolean;
  /** Written to a pipe: attributes come as records. */
  readonly pipe: boolean;
  readonly attributes: readonly PerfEventAttr[];
  /** The records: bytes from the start of the file, and how many. */
  readonly data: { readonly offset: number; readonly size: number };
}

/**
 * Reads the header and the attributes.
 * @throws PerfDataError if it is no perf.data file of version 2.
 */
export function readPerfHeader(source: ByteSource): PerfHeader {
  const start = source.read(0, HEADER_SIZE);
  const magic = new ByteReader(start).u64(0);
  if (magic !== MAGIC && magic !== MAGIC_SWAPPED)
    throw new PerfDataError("no perf.data file: it does not start with PERFILE2", 0);
  const littleEndian = magic === MAGIC;
  const reader = new ByteReader(start, littleEndian);
  if (reader.u64(8) === BigInt(PIPE_HEADER_SIZE)) {
    const data = { offset: PIPE_HEADER_SIZE, size: source.size - PIPE_HEADER_SIZE };
    return { littleEndian, pipe: true, attributes: [], data };
  }
  if (reader.size < HEADER_SIZE) throw new PerfDataError("the file ends within its header", reader.size);
  const entry = reader.size64(16);
  const table = { offset: reader.size64(24), size: reader.size64(32) };
  const offset = reader.size64(40);
  if (!(offset <= source.size)) throw new PerfDataError("the records start behind the end of the file", 40);
  // A recording that was cut off says 0: then all that follows is records.
  const size =
    reader.u64(48) === 0n ? source.size - offset : Math.min(reader.size64(48), source.size - offset);
  const attributes = readAttributes(source, littleEndian, entry, table);
  return { littleEndian, pipe: false, attributes, data: { offset, size } };
}

function readAttributes(
  source: ByteSource,
  littleEndian: boolean,
  entry: number,
  table: { readonly offset: number; readonly size: number },
): PerfEventAttr[] {
  if (!(entry >= 64 && entry <= 4096)) throw new PerfDataError(`an attribute of ${entry} bytes`, 16);
  if (!(table.offset + table.size <= source.size))
    throw new PerfDataError("the attributes end behind the end of the file", 24);
  const count = Math.floor(table.size / entry);
  if (count > MAX_ATTRIBUTES) throw new PerfDataError(`${count} attributes`, 32);
  return Array.from({ length: count }, (_, n) =>
    decodeAttr(new ByteReader(source.read(table.offset + n * entry, entry), littleEndian), 0),
  );
}

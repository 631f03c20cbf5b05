import { InputError } from "@kvmm/scenario";
import { decodePackets } from "@kvmm/spe-model";
import {
  AUXTRACE_ARM_SPE,
  type AuxArea,
  type ByteSource,
  type PerfData,
  PerfDataError,
  readAuxArea,
  readPerfData,
} from "@kvmm/traces";
import { filePiece, passingPiece } from "./spe-piece.js";
import type { SpeStream } from "./spe-stream.js";

/** SPE data of a file: its streams, and where the file stopped making sense. */
export interface SpeInput {
  readonly format: "perf.data" | "raw";
  readonly streams: readonly SpeStream[];
  /** What came before is good. */
  readonly error?: InputError;
}

/** How many of the first bytes are looked at, when they are to be SPE packets. */
export const PROBED = 64 * 1024;

/**
 * The SPE data in a perf.data file, or in bytes that are nothing but SPE packets.
 * @param raw - take the bytes as packets, whatever they are
 * @param onBytes - called with the number of bytes that have been read since the last call
 * @throws InputError for what is neither
 */
export function speInput(
  source: ByteSource,
  name: string,
  raw: boolean,
  onBytes: (bytes: number) => void,
): SpeInput {
  if (source.size === 0) throw new InputError(name, { problem: "is empty" });
  const start = source.read(0, PROBED).slice();
  if (!raw && looksLikePerfData(start)) return perfDataInput(source, name, onBytes);
  if (!raw) checkPackets(start, name);
  const piece = filePiece(source, { auxOffset: 0, fileOffset: 0, size: source.size }, onBytes);
  return { format: "raw", streams: [{ pieces: [piece], notes: [], midr: 0n }] };
}

/**
 * SPE packets that come once: nothing of them is kept.
 * @param start - the first bytes, as many as are looked at
 * @throws InputError for what is no SPE
 */
export function passingInput(
  start: Uint8Array,
  passing: AsyncIterable<Uint8Array>,
  name: string,
  raw: boolean,
  onBytes: (bytes: number) => void,
): SpeInput {
  if (!raw) checkPackets(start, name);
  return { format: "raw", streams: [{ pieces: [passingPiece(passing, onBytes)], notes: [], midr: 0n }] };
}

/** `PERFILE2`, either way round, and the `PERFFILE` of the first version, which the reader refuses. */
export function looksLikePerfData(bytes: Uint8Array): boolean {
  const magic = String.fromCharCode(...bytes.subarray(0, 8));
  return magic.startsWith("PERF") || magic === "2ELIFREP";
}

function perfDataInput(source: ByteSource, name: string, onBytes: (bytes: number) => void): SpeInput {
  const { file, area } = openPerfData(source, name);
  const cpus = new Map(area.spe?.cpus.map(({ cpu, midr }) => [cpu, midr]));
  const streams = area.streams.map(
    ({ cpu, tid, pieces, notes }): SpeStream => ({
      pieces: pieces.map((piece) => filePiece(file.source, piece, onBytes)),
      notes: notes.map(({ auxOffset, size, flags }) => ({ offset: auxOffset, size, ...flags })),
      midr: cpus.get(cpu) ?? 0n,
      of: { cpu, tid },
    }),
  );
  const problem = truncation(source, file) ?? area.error?.message;
  const error = problem === undefined ? compression(area, name) : new InputError(name, { problem });
  if (streams.length === 0 && error !== undefined) throw error;
  if (streams.length === 0) {
    throw new InputError(name, {
      problem: "has no AUX data of Arm SPE",
      hint: "it is recorded with perf record -e arm_spe//",
    });
  }
  return { format: "perf.data", streams, ...(error === undefined ? {} : { error }) };
}

/** What is in compressed records is missing, though SPE's own data is not. */
function compression({ compressed, streams }: AuxArea, name: string): InputError | undefined {
  if (compressed === 0) return undefined;
  const missing =
    streams.length === 0 ? "has compressed records only" : "has all SPE data, but also compressed records";
  return new InputError(name, {
    problem: `${missing}, which are not read: what the driver said of the data, and whose it is`,
    hint: "perf inject -i FILE -o OTHER writes them out; perf record without -z makes none",
  });
}

function openPerfData(source: ByteSource, name: string): { readonly file: PerfData; readonly area: AuxArea } {
  let file: PerfData;
  try {
    file = readPerfData(source);
  } catch (error) {
    if (error instanceof PerfDataError) throw new InputError(name, { problem: error.message });
    throw error;
  }
  const other = kindOfAuxData(file);
  if (other !== undefined && other !== AUXTRACE_ARM_SPE) {
    const problem = `has AUX data of type ${other}, not of Arm SPE (${AUXTRACE_ARM_SPE})`;
    throw new InputError(name, { problem });
  }
  return { file, area: readAuxArea(file) };
}

/** The type that AUXTRACE_INFO names, which stands before all data. */
function kindOfAuxData(file: PerfData): number | undefined {
  try {
    for (const record of file.records()) {
      if (record.kind === "auxtrace-info") return record.type;
      if (record.kind === "auxtrace") return undefined;
    }
  } catch (error) {
    if (!(error instanceof PerfDataError)) throw error;
  }
  return undefined;
}

/** Where the records end, says the header; a file that was cut off ends before. */
function truncation(source: ByteSource, { header }: PerfData): string | undefined {
  if (header.pipe || source.size < DATA_SIZE_AT + 8) return undefined;
  const bytes = source.read(DATA_SIZE_AT, 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = header.data.offset + Number(view.getBigUint64(0, header.littleEndian));
  return end <= source.size
    ? undefined
    : `is truncated: it should have records up to byte ${end} (at byte ${source.size})`;
}

/** `data.size` of struct perf_file_header. */
const DATA_SIZE_AT = 48;

/** Bytes that are mostly no packets are something else: text, an executable. */
function checkPackets(probed: Uint8Array, name: string): void {
  let bad = 0;
  let first = -1;
  for (const packet of decodePackets(probed)) {
    if (packet.kind !== "bad") continue;
    bad++;
    if (first === -1) first = packet.offset;
  }
  if (bad * 4 <= probed.length) return;
  throw new InputError(name, {
    problem: `is neither a perf.data file, as it does not start with PERFILE2, nor Arm SPE packets: byte ${first} starts none`,
    hint: "with --raw it is decoded all the same",
  });
}

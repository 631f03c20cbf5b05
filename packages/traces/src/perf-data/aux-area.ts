import type { SpeInfo } from "./auxtrace-info.js";
import { PerfDataError } from "./perf-data-error.js";
import type { AuxFlags, AuxtraceRecord, CommRecord, MmapRecord } from "./perf-record.js";
import type { PerfData } from "./read-perf-data.js";
import { RecordType } from "./record-type.js";

/** One AUXTRACE record's data. */
export interface AuxPiece {
  /** Bytes from the start of the AUX stream: what alignment packets count from. */
  readonly auxOffset: number;
  /** Where the data is in the file. */
  readonly fileOffset: number;
  /** Bytes. */
  readonly size: number;
}

/** One AUX record: what the driver said of a range of the AUX stream. */
export interface AuxNote {
  readonly auxOffset: number;
  /** Bytes. */
  readonly size: number;
  readonly flags: AuxFlags;
  /** Nanoseconds of perf's clock, if the file has them. */
  readonly time?: bigint;
}

/** The AUX stream of a CPU, or of a thread where cpu is -1. */
export interface AuxStream {
  readonly cpu: number;
  readonly tid: number;
  readonly pieces: readonly AuxPiece[];
  readonly notes: readonly AuxNote[];
}

/** All that a perf.data file has about Arm SPE. */
export interface AuxArea {
  readonly spe?: SpeInfo;
  readonly streams: readonly AuxStream[];
  /** AUX records whose CPU or thread has no stream here, or is not named. */
  readonly strayNotes: readonly AuxNote[];
  readonly comms: readonly CommRecord[];
  readonly mmaps: readonly MmapRecord[];
  /** Records that perf lost on their way to the file. */
  readonly lost: bigint;
  /** Records that `perf record -z` compressed, and what was in them: not read. AUX data itself is never compressed. */
  readonly compressed: number;
  /** Where reading stopped before the end, and why. */
  readonly error?: PerfDataError;
}

/** Most records of one kind that are kept: a hostile file cannot claim more memory. */
const MAX_KEPT = 1 << 20;

/** Reads the file once and keeps where everything about its AUX area is. Never throws for what the file holds. */
export function readAuxArea(file: PerfData): AuxArea {
  const streams = new Map<string, { cpu: number; tid: number; pieces: AuxPiece[]; notes: AuxNote[] }>();
  const notes: { cpu: number | undefined; tid: number | undefined; note: AuxNote }[] = [];
  const comms: CommRecord[] = [];
  const mmaps: MmapRecord[] = [];
  let spe: SpeInfo | undefined;
  let lost = 0n;
  let compressed = 0;
  let error: PerfDataError | undefined;
  let kept = 0;
  const keep = <T>(list: T[], item: T) => {
    if (kept++ < MAX_KEPT) list.push(item);
  };
  try {
    for (const record of file.records()) {
      switch (record.kind) {
        case "auxtrace-info":
          spe ??= record.spe;
          break;
        case "auxtrace": {
          const key = streamKey(record);
          const stream = streams.get(key) ?? { cpu: record.cpu, tid: record.tid, pieces: [], notes: [] };
          const { offset: fileOffset, size } = record.data;
          keep(stream.pieces, { auxOffset: Number(record.auxOffset), fileOffset, size });
          streams.set(key, stream);
          break;
        }
        case "aux": {
          const { auxOffset, auxSize, flags, sampleId } = record;
          const note = { auxOffset: Number(auxOffset), size: Number(auxSize), flags };
          const { cpu, tid, time } = sampleId;
          keep(notes, { cpu, tid, note: time === undefined ? note : { ...note, time } });
          break;
        }
        case "comm":
          keep(comms, record);
          break;
        case "mmap":
          keep(mmaps, record);
          break;
        case "lost":
          lost += record.lost;
          break;
        case "other":
          if (record.type === RecordType.compressed || record.type === RecordType.compressed2) compressed++;
          break;
      }
    }
  } catch (problem) {
    if (!(problem instanceof PerfDataError)) throw problem;
    error = problem;
  }
  const strayNotes: AuxNote[] = [];
  const only = streams.size === 1 ? [...streams.values()][0] : undefined;
  for (const { cpu, tid, note } of notes) {
    const stream = streams.get(`cpu ${cpu}`) ?? streams.get(`tid ${tid}`) ?? only;
    (stream?.notes ?? strayNotes).push(note);
  }
  const area = { streams: [...streams.values()], strayNotes, comms, mmaps, lost, compressed };
  return { ...area, ...(spe && { spe }), ...(error && { error }) };
}

function streamKey({ cpu, tid }: AuxtraceRecord): string {
  return cpu === -1 ? `tid ${tid}` : `cpu ${cpu}`;
}

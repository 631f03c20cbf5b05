import { ByteWriter } from "../bytes/byte-writer.js";
import { AUXTRACE_ARM_SPE, encodeSpeInfo, type SpeCpu } from "./auxtrace-info.js";
import { ATTR_SIZE, encodeAttr, type PerfEventAttr, SampleBit } from "./perf-event-attr.js";
import { HEADER_SIZE, MAGIC } from "./perf-header.js";
import type { AuxFlags, CommRecord, MmapRecord } from "./perf-record.js";
import { RecordType } from "./record-type.js";

/** AUX data of one CPU or thread. */
export interface AuxData {
  /** -1 for a thread's. */
  readonly cpu: number;
  /** -1 for a CPU's. */
  readonly tid: number;
  /** Bytes from the start of the AUX stream; default 0. */
  readonly auxOffset?: number;
  /** SPE packets. Padding fills them up to a multiple of 8 bytes. */
  readonly bytes: Uint8Array;
  /** What the driver says of them; default none. */
  readonly flags?: Partial<AuxFlags>;
}

/** What the driver says of a range of a CPU's or thread's AUX stream: a PERF_RECORD_AUX. */
export interface AuxNoteData {
  /** -1 for a thread's. */
  readonly cpu: number;
  /** -1 for a CPU's. */
  readonly tid: number;
  /** Bytes from the start of the AUX stream. */
  readonly auxOffset: number;
  /** Bytes. */
  readonly size: number;
  readonly flags?: Partial<AuxFlags>;
}

/** What goes into the file. */
export interface SpeRecording {
  /** The SPE PMU's number; default 8. */
  readonly pmuType?: number;
  /** Operations between samples; default 1024. */
  readonly samplePeriod?: bigint;
  /** With CPUs the file has AUXTRACE_INFO version 2, which perf reads from 6.14 on; without, version 1. */
  readonly cpus?: readonly SpeCpu[];
  readonly comms?: readonly Omit<CommRecord, "kind">[];
  readonly mmaps?: readonly Omit<MmapRecord, "kind">[];
  readonly aux: readonly AuxData[];
  /** Default: one for each piece of data, with its flags. */
  readonly notes?: readonly AuxNoteData[];
}

/** `perf` counts alignment packets, up to 16 bytes, from the data's place in the file: it agrees with the buffer's. */
const ALIGNMENT = 16;

/**
 * The smallest perf.data file that holds the recording and that `perf report` and `perf script`
 * read: one attribute, AUXTRACE_INFO, and an AUX and an AUXTRACE record for each piece of data.
 */
export function writePerfData(recording: SpeRecording): Uint8Array {
  const pmuType = recording.pmuType ?? 8;
  const attr: PerfEventAttr = {
    type: pmuType,
    config: 1n,
    config1: 0n,
    config2: 0n,
    samplePeriod: recording.samplePeriod ?? 1024n,
    sampleType: SampleBit.identifier | SampleBit.ip | SampleBit.tid | SampleBit.cpu,
    sampleIdAll: true,
    excludeUser: false,
    excludeKernel: false,
    auxWatermark: 0,
  };
  const attributes = { offset: HEADER_SIZE + 8, size: ATTR_SIZE + 16 };
  const data = attributes.offset + attributes.size;
  const body = writeRecords(recording, pmuType, data);
  const out = new ByteWriter();
  out.u64(MAGIC).u64(HEADER_SIZE).u64(attributes.size).u64(attributes.offset).u64(attributes.size);
  out.u64(data).u64(body.size).zeros(16).zeros(32);
  out.u64(EVENT_ID);
  encodeAttr(out, attr);
  out.u64(HEADER_SIZE).u64(8);
  out.bytes(body.result());
  return out.result();
}

const EVENT_ID = 1;

function writeRecords(recording: SpeRecording, pmuType: number, fileOffset: number): ByteWriter {
  const out = new ByteWriter();
  const info = new ByteWriter();
  const { cpus } = recording;
  encodeSpeInfo(info, cpus ? { version: 2, pmuType, cpus } : { version: 1, pmuType, cpus: [] });
  header(out, RecordType.auxtraceInfo, 16 + info.size);
  out.u32(AUXTRACE_ARM_SPE).u32(0).bytes(info.result());
  for (const comm of recording.comms ?? []) writeComm(out, comm);
  for (const mmap of recording.mmaps ?? []) writeMmap(out, mmap);
  for (const note of recording.notes ?? []) writeAux(out, note);
  recording.aux.forEach((piece, index) => {
    const { bytes, auxOffset = 0, ...about } = piece;
    if (recording.notes === undefined) writeAux(out, { ...about, auxOffset, size: bytes.length });
    writeAuxtrace(out, piece, index, fileOffset);
  });
  header(out, RecordType.finishedRound, 8);
  return out;
}

function header(out: ByteWriter, type: number, size: number, misc = 0): void {
  if (size > 0xffff) throw new RangeError(`a record of ${size} bytes, where 65535 is the most`);
  out.u32(type).u16(misc).u16(size);
}

function sampleId(out: ByteWriter, pid: number, tid: number, cpu: number): void {
  out
    .u32(pid >>> 0)
    .u32(tid >>> 0)
    .u32(cpu >>> 0)
    .u32(0)
    .u64(EVENT_ID);
}

const SAMPLE_ID_SIZE = 24;

function writeComm(out: ByteWriter, { pid, tid, comm }: Omit<CommRecord, "kind">): void {
  const text = new ByteWriter().text(comm.slice(0, 15)).result();
  header(out, RecordType.comm, 16 + text.length + SAMPLE_ID_SIZE);
  out
    .u32(pid >>> 0)
    .u32(tid >>> 0)
    .bytes(text);
  sampleId(out, pid, tid, 0);
}

function writeMmap(out: ByteWriter, mmap: Omit<MmapRecord, "kind">): void {
  const name = new ByteWriter().text(mmap.filename).result();
  header(out, RecordType.mmap, 40 + name.length + SAMPLE_ID_SIZE, USER);
  out.u32(mmap.pid >>> 0).u32(mmap.tid >>> 0);
  out.u64(mmap.start).u64(mmap.length).u64(mmap.pageOffset).bytes(name);
  sampleId(out, mmap.pid, mmap.tid, 0);
}

/** PERF_RECORD_MISC_USER. */
const USER = 2;

function writeAux(out: ByteWriter, { cpu, tid, auxOffset, size, flags = {} }: AuxNoteData): void {
  header(out, RecordType.aux, 32 + SAMPLE_ID_SIZE);
  const bits =
    (flags.truncated ? 1 : 0) |
    (flags.overwrite ? 2 : 0) |
    (flags.partial ? 4 : 0) |
    (flags.collision ? 8 : 0);
  out.u64(auxOffset).u64(size).u64(bits);
  sampleId(out, tid, tid, cpu);
}

function writeAuxtrace(out: ByteWriter, piece: AuxData, index: number, fileOffset: number): void {
  const { cpu, tid, auxOffset = 0, bytes } = piece;
  // A round is finished as often as told: its record may be longer than its header, and fills the gap.
  const misplaced = (fileOffset + out.size + AUXTRACE_SIZE - (auxOffset - (auxOffset % 8))) % ALIGNMENT;
  if (misplaced !== 0) {
    const gap = ALIGNMENT - misplaced;
    header(out, RecordType.finishedRound, gap);
    out.zeros(gap - 8);
  }
  const padding = (8 - (bytes.length % 8)) % 8;
  header(out, RecordType.auxtrace, AUXTRACE_SIZE);
  out
    .u64(bytes.length + padding)
    .u64(auxOffset)
    .u64(0);
  out
    .u32(index)
    .u32(tid >>> 0)
    .u32(cpu >>> 0)
    .u32(0);
  out.bytes(bytes).zeros(padding);
}

const AUXTRACE_SIZE = 48;

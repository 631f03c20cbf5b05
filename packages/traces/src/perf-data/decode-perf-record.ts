import type { ByteReader } from "../bytes/byte-reader.js";
import { AUXTRACE_ARM_SPE, decodeSpeInfo } from "./auxtrace-info.js";
import { decodeAttr, type PerfEventAttr, SampleBit } from "./perf-event-attr.js";
import type { PerfRecord, SampleId } from "./perf-record.js";
import { RecordType } from "./record-type.js";

const SWITCH_OUT = 1 << 13;

/**
 * Reads a record, whose bytes the reader holds, header first. Data behind an AUXTRACE record lies at
 * `dataOffset` in the file, and the file has `dataAvailable` bytes from there.
 */
export function decodePerfRecord(reader: ByteReader, dataOffset: number, dataAvailable: number): PerfRecord {
  const type = reader.u32(0);
  const misc = reader.u16(4);
  const pid = reader.i32(8);
  const tid = reader.i32(12);
  switch (type) {
    case RecordType.mmap:
    case RecordType.mmap2: {
      const name = type === RecordType.mmap ? 40 : 72;
      const [start, length, pageOffset] = [reader.u64(16), reader.u64(24), reader.u64(32)];
      const filename = reader.text(name, reader.size - name);
      return { kind: "mmap", pid, tid, start, length, pageOffset, filename };
    }
    case RecordType.comm:
      return { kind: "comm", pid, tid, comm: reader.text(16, 16) };
    case RecordType.fork:
    case RecordType.exit: {
      const kind = type === RecordType.fork ? "fork" : "exit";
      return { kind, pid, ppid: reader.i32(12), tid: reader.i32(16), ptid: reader.i32(20) };
    }
    case RecordType.aux: {
      const bits = reader.u64(24);
      const flag = (bit: bigint) => (bits & bit) !== 0n;
      const flags = { truncated: flag(1n), overwrite: flag(2n), partial: flag(4n), collision: flag(8n) };
      return { kind: "aux", auxOffset: reader.u64(8), auxSize: reader.u64(16), flags };
    }
    case RecordType.auxtraceInfo: {
      const of = reader.u32(8);
      const spe = of === AUXTRACE_ARM_SPE ? decodeSpeInfo(reader, 16) : undefined;
      return spe ? { kind: "auxtrace-info", type: of, spe } : { kind: "auxtrace-info", type: of };
    }
    case RecordType.auxtrace:
      return {
        kind: "auxtrace",
        auxOffset: reader.u64(16),
        reference: reader.u64(24),
        index: reader.u32(32),
        tid: reader.i32(36),
        cpu: reader.i32(40),
        data: { offset: dataOffset, size: Math.min(reader.size64(8), dataAvailable) },
      };
    case RecordType.lost:
      return { kind: "lost", lost: reader.u64(16) };
    case RecordType.lostSamples:
      return { kind: "lost", lost: reader.u64(8) };
    case RecordType.switch:
    case RecordType.switchCpuWide:
      return { kind: "switch", out: (misc & SWITCH_OUT) !== 0 };
    case RecordType.timeConversion:
      return {
        kind: "time-conversion",
        shift: reader.u64(8),
        multiplier: reader.u64(16),
        zero: reader.u64(24),
      };
    case RecordType.headerAttribute:
      return { kind: "attribute", attr: decodeAttr(reader, 8) };
    default:
      return { kind: "other", type };
  }
}

/** Reads what the kernel puts at the end of its records if the attribute says so. */
export function decodeSampleId(reader: ByteReader, attr: PerfEventAttr | undefined): SampleId {
  if (!attr?.sampleIdAll || reader.u32(0) >= RecordType.headerAttribute) return {};
  if (reader.u32(0) === RecordType.sample) return {};
  const has = (bit: bigint) => (attr.sampleType & bit) !== 0n;
  const id: { -readonly [key in keyof SampleId]: SampleId[key] } = {};
  let at = reader.size;
  if (has(SampleBit.identifier)) at -= 8;
  if (has(SampleBit.cpu)) {
    at -= 8;
    id.cpu = reader.u32(at);
  }
  if (has(SampleBit.streamId)) at -= 8;
  if (has(SampleBit.id)) at -= 8;
  if (has(SampleBit.time)) {
    at -= 8;
    id.time = reader.u64(at);
  }
  if (has(SampleBit.tid)) {
    at -= 8;
    id.pid = reader.i32(at);
    id.tid = reader.i32(at + 4);
  }
  return at < 8 ? {} : id;
}

import type { ByteReader } from "../bytes/byte-reader.js";
import type { ByteWriter } from "../bytes/byte-writer.js";

/** What matters of `struct perf_event_attr` (include/uapi/linux/perf_event.h). */
export interface PerfEventAttr {
  /** The PMU's number, from its `type` file. */
  readonly type: number;
  readonly config: bigint;
  readonly config1: bigint;
  readonly config2: bigint;
  /** Events per sample; for SPE, operations. */
  readonly samplePeriod: bigint;
  /** PERF_SAMPLE_* bits: what samples carry, and the end of other records with `sampleIdAll`. */
  readonly sampleType: bigint;
  readonly sampleIdAll: boolean;
  readonly excludeUser: boolean;
  readonly excludeKernel: boolean;
  /** Bytes of AUX data after which to wake up userspace. */
  readonly auxWatermark: number;
}

/** PERF_SAMPLE_* bits; but for `ip`, those that records end in with `sampleIdAll`. */
export const SampleBit = {
  ip: 1n << 0n,
  tid: 1n << 1n,
  time: 1n << 2n,
  id: 1n << 6n,
  cpu: 1n << 7n,
  streamId: 1n << 9n,
  identifier: 1n << 16n,
} as const;

const FLAG = { excludeUser: 4n, excludeKernel: 5n, sampleIdAll: 18n };

/** Bytes of the attribute that `encodeAttr` writes: PERF_ATTR_SIZE_VER5. */
export const ATTR_SIZE = 112;

/** Reads an attribute that starts at `at`; fields beyond what is there are zero. */
export function decodeAttr(reader: ByteReader, at: number): PerfEventAttr {
  const flags = reader.u64(at + 40);
  const flag = (bit: bigint) => ((flags >> bit) & 1n) === 1n;
  return {
    type: reader.u32(at),
    config: reader.u64(at + 8),
    samplePeriod: reader.u64(at + 16),
    sampleType: reader.u64(at + 24),
    excludeUser: flag(FLAG.excludeUser),
    excludeKernel: flag(FLAG.excludeKernel),
    sampleIdAll: flag(FLAG.sampleIdAll),
    config1: reader.u64(at + 56),
    config2: reader.u64(at + 64),
    auxWatermark: reader.u32(at + 104),
  };
}

/** Writes ATTR_SIZE bytes. */
export function encodeAttr(writer: ByteWriter, attr: PerfEventAttr): void {
  const flag = (set: boolean, bit: bigint) => (set ? 1n << bit : 0n);
  const flags =
    flag(attr.excludeUser, FLAG.excludeUser) |
    flag(attr.excludeKernel, FLAG.excludeKernel) |
    flag(attr.sampleIdAll, FLAG.sampleIdAll);
  writer.u32(attr.type).u32(ATTR_SIZE).u64(attr.config).u64(attr.samplePeriod).u64(attr.sampleType);
  writer.u64(0).u64(flags).zeros(8).u64(attr.config1).u64(attr.config2).zeros(32);
  writer.u32(attr.auxWatermark).u32(0);
}

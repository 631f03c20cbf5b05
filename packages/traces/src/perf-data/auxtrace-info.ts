import type { ByteReader } from "../bytes/byte-reader.js";
import type { ByteWriter } from "../bytes/byte-writer.js";

/** The type in AUXTRACE_INFO that stands for Arm SPE (tools/perf/util/auxtrace.h). */
export const AUXTRACE_ARM_SPE = 4;

/** What version 2 says of a CPU. */
export interface SpeCpu {
  readonly cpu: number;
  /** MIDR_EL1. */
  readonly midr: bigint;
  readonly pmuType: number;
  /** Smallest recommended interval, in operations. */
  readonly minInterval: number;
  /** The bits of PMSEVFR_EL1 that the CPU implements. */
  readonly eventFilter: bigint;
}

/** The part of AUXTRACE_INFO that Arm SPE defines (tools/perf/util/arm-spe.h). */
export interface SpeInfo {
  /** Version 1 (to 6.13) says nothing of the CPUs. */
  readonly version: 1 | 2;
  readonly pmuType: number;
  /** Empty in version 1. */
  readonly cpus: readonly SpeCpu[];
}

const CPU_MAGIC = 0x1010101010101010n;
const CPU_PARAMETERS = 4;
const MAX_CPUS = 8192;

/** Reads what lies from `at` to the record's end; undefined if it is neither version 1 nor 2. */
export function decodeSpeInfo(reader: ByteReader, at: number): SpeInfo | undefined {
  const bytes = reader.size - at;
  if (bytes === 16) return { version: 1, pmuType: reader.u32(at), cpus: [] };
  const header = reader.size64(at + 8);
  const count = reader.size64(at + 24);
  if (bytes < 32 || reader.u64(at) !== 2n || header > 16 || count > MAX_CPUS) return undefined;
  const cpus: SpeCpu[] = [];
  let next = at + 8 * header;
  for (let n = 0; n < count && next + 24 <= reader.size; n++) {
    const parameters = reader.size64(next + 16);
    const parameter = (index: number) => (index < parameters ? reader.u64(next + 24 + 8 * index) : 0n);
    cpus.push({
      cpu: reader.u32(next + 8),
      midr: parameter(0),
      pmuType: Number(BigInt.asUintN(32, parameter(1))),
      minInterval: Number(BigInt.asUintN(32, parameter(2))),
      eventFilter: parameter(3),
    });
    next += 24 + 8 * parameters;
  }
  return { version: 2, pmuType: reader.u32(at + 16), cpus };
}

/** Writes what `decodeSpeInfo` reads. */
export function encodeSpeInfo(writer: ByteWriter, info: SpeInfo): void {
  if (info.version === 1) {
    writer.u64(info.pmuType).u64(1);
    return;
  }
  writer.u64(2).u64(4).u64(info.pmuType).u64(info.cpus.length);
  for (const { cpu, midr, pmuType, minInterval, eventFilter } of info.cpus)
    writer
      .u64(CPU_MAGIC)
      .u64(cpu)
      .u64(CPU_PARAMETERS)
      .u64(midr)
      .u64(pmuType)
      .u64(minInterval)
      .u64(eventFilter);
}

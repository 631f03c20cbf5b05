import type { SpeInfo } from "./auxtrace-info.js";
import type { PerfEventAttr } from "./perf-event-attr.js";

/** Where and when a record was made, as far as the file says. */
export interface SampleId {
  readonly pid?: number;
  readonly tid?: number;
  /** Nanoseconds of perf's clock. */
  readonly time?: bigint;
  readonly cpu?: number;
}

/** Every record: where it is in the file. */
export interface PerfRecordPlace {
  /** Bytes from the start of the file. */
  readonly fileOffset: number;
  /** Bytes of the record itself, without AUX data behind it. */
  readonly size: number;
  readonly sampleId: SampleId;
}

/** PERF_RECORD_MMAP and MMAP2. */
export interface MmapRecord {
  readonly kind: "mmap";
  readonly pid: number;
  readonly tid: number;
  readonly start: bigint;
  readonly length: bigint;
  readonly pageOffset: bigint;
  readonly filename: string;
}

export interface CommRecord {
  readonly kind: "comm";
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
}

/** PERF_RECORD_FORK and EXIT. */
export interface TaskRecord {
  readonly kind: "fork" | "exit";
  readonly pid: number;
  readonly ppid: number;
  readonly tid: number;
  readonly ptid: number;
}

/** Part of a PERF_RECORD_AUX: what the driver said of a piece of the AUX area. */
export interface AuxFlags {
  /** The buffer had no room; what came later is lost until perf enables the event again. */
  readonly truncated: boolean;
  /** Taken in overwrite (snapshot) mode. */
  readonly overwrite: boolean;
  /** Has gaps; for SPE, records were lost and the last may be torn. */
  readonly partial: boolean;
  /** A sample collided with one that had not ended. */
  readonly collision: boolean;
}

export interface AuxRecord {
  readonly kind: "aux";
  /** Bytes, from the start of the AUX stream of this CPU or thread. */
  readonly auxOffset: bigint;
  /** Bytes. */
  readonly auxSize: bigint;
  readonly flags: AuxFlags;
}

export interface AuxtraceInfoRecord {
  readonly kind: "auxtrace-info";
  /** AUXTRACE_ARM_SPE for what this package knows. */
  readonly type: number;
  readonly spe?: SpeInfo;
}

/** AUX data lies behind the record. */
export interface AuxtraceRecord {
  readonly kind: "auxtrace";
  /** Bytes, from the start of the AUX stream. */
  readonly auxOffset: bigint;
  readonly reference: bigint;
  readonly index: number;
  /** -1 if the buffer belongs to a CPU. */
  readonly tid: number;
  /** -1 if the buffer belongs to a thread. */
  readonly cpu: number;
  /** Where the data is: bytes from the start of the file, and how many the file has of it. */
  readonly data: { readonly offset: number; readonly size: number };
}

/** Records were lost on their way to the file. */
export interface LostRecord {
  readonly kind: "lost";
  readonly lost: bigint;
}

/** PERF_RECORD_SWITCH and SWITCH_CPU_WIDE. */
export interface SwitchRecord {
  readonly kind: "switch";
  readonly out: boolean;
}

/** How counts of the generic timer become perf's nanoseconds. */
export interface TimeConversionRecord {
  readonly kind: "time-conversion";
  readonly shift: bigint;
  readonly multiplier: bigint;
  readonly zero: bigint;
}

export interface AttributeRecord {
  readonly kind: "attribute";
  readonly attr: PerfEventAttr;
}

/** A type that is not looked into. */
export interface OtherRecord {
  readonly kind: "other";
  readonly type: number;
}

export type PerfRecord =
  | MmapRecord
  | CommRecord
  | TaskRecord
  | AuxRecord
  | AuxtraceInfoRecord
  | AuxtraceRecord
  | LostRecord
  | SwitchRecord
  | TimeConversionRecord
  | AttributeRecord
  | OtherRecord;

/** What a reader yields. */
export type LocatedPerfRecord = PerfRecord & PerfRecordPlace;

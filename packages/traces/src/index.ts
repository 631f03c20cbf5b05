export { type ByteSource, memorySource } from "./bytes/byte-source.js";
export * from "./perf-data/attribution.js";
export * from "./perf-data/aux-area.js";
export { AUXTRACE_ARM_SPE, type SpeCpu, type SpeInfo } from "./perf-data/auxtrace-info.js";
export * from "./perf-data/perf-data-error.js";
export type { PerfEventAttr } from "./perf-data/perf-event-attr.js";
export type { PerfHeader } from "./perf-data/perf-header.js";
export * from "./perf-data/perf-record.js";
export * from "./perf-data/read-perf-data.js";
export * from "./perf-data/write-perf-data.js";
export {
  readStrace,
  type Strace,
  type StraceCall,
  type StraceOptions,
  type StraceProblem,
} from "./strace/read-strace.js";
export { parseStraceValue, type StraceValue } from "./strace/strace-value.js";

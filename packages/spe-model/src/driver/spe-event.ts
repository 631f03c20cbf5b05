/** How perf asks for SPE: the format attributes of the arm_spe PMU that the model knows. */
export interface SpeEventConfig {
  /** Operations between samples, 256 and more; default 4096. The driver rounds down to 256. */
  readonly samplePeriod?: number;
  readonly jitter?: boolean;
  /** Timestamps; default true. */
  readonly tsEnable?: boolean;
  readonly paEnable?: boolean;
  readonly pctEnable?: boolean;
  readonly loadFilter?: boolean;
  readonly storeFilter?: boolean;
  readonly branchFilter?: boolean;
  /** PMSEVFR_EL1: events that a sample has to have. */
  readonly eventFilter?: bigint;
  /** PMSNEVFR_EL1: events that a sample must not have. */
  readonly invEventFilter?: bigint;
  /** Cycles. */
  readonly minLatency?: number;
  readonly discard?: boolean;
  readonly excludeUser?: boolean;
  readonly excludeKernel?: boolean;
  /** CONTEXTIDR_EL1 in records: CONFIG_PID_IN_CONTEXTIDR and the right to it. Default true. */
  readonly context?: boolean;
}

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
  /** Advanced SIMD, SVE and SME; this and the five below need FEAT_SPE_EFT (PMSIDR_EL1.EFT). */
  readonly simdFilter?: boolean;
  readonly floatFilter?: boolean;
  /** With a mask, operations have to be (filter set) or must not be (filter clear) of the type. */
  readonly loadFilterMask?: boolean;
  readonly storeFilterMask?: boolean;
  readonly branchFilterMask?: boolean;
  readonly simdFilterMask?: boolean;
  readonly floatFilterMask?: boolean;
  /** PMSEVFR_EL1: events that a sample has to have. */
  readonly eventFilter?: bigint;
  /** PMSNEVFR_EL1: events that a sample must not have. */
  readonly invEventFilter?: bigint;
  /** The inverse of PMSDSFR_EL1: data sources, 0 to 63, whose loads get no record; needs PMSIDR_EL1.FDS. */
  readonly invDataSourceFilter?: bigint;
  /** Cycles, 0 to 4095. */
  readonly minLatency?: number;
  readonly discard?: boolean;
  readonly excludeUser?: boolean;
  readonly excludeKernel?: boolean;
  /** CONTEXTIDR_EL1 in records: CONFIG_PID_IN_CONTEXTIDR and the right to it. Default true. */
  readonly context?: boolean;
}

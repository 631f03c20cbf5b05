import { Register } from "./register.js";

// Arm ARM DDI 0487, "AArch64 System Register Descriptions, SPE"; Linux: arch/arm64/tools/sysreg.

/** Statistical Profiling Control Register (EL1). PCT: physical counter; E0SPE, E1SPE: sample at EL0, EL1. */
export const PMSCR = new Register("PMSCR_EL1", {
  PCT: [7, 6],
  TS: [5, 5],
  PA: [4, 4],
  CX: [3, 3],
  E1SPE: [1, 1],
  E0SPE: [0, 0],
});

/** Sampling Interval Counter: operations until the next sample; ECOUNT is the random rest with ERND. */
export const PMSICR = new Register("PMSICR_EL1", { ECOUNT: [63, 56], COUNT: [31, 0] });

/** Sampling Interval Reload: INTERVAL in units of 256 operations, RND adds 0 to 255 at random. */
export const PMSIRR = new Register("PMSIRR_EL1", { INTERVAL: [31, 8], RND: [0, 0] });

/** Sampling Filter Control: which filters are on, and the filter by type with its masks. */
export const PMSFCR = new Register("PMSFCR_EL1", {
  SIMDm: [52, 52],
  FPm: [51, 51],
  STm: [50, 50],
  LDm: [49, 49],
  Bm: [48, 48],
  SIMD: [20, 20],
  FP: [19, 19],
  ST: [18, 18],
  LD: [17, 17],
  B: [16, 16],
  FDS: [4, 4],
  FnE: [3, 3],
  FL: [2, 2],
  FT: [1, 1],
  FE: [0, 0],
});

/** Sampling Latency Filter: smallest total latency in cycles. */
export const PMSLATFR = new Register("PMSLATFR_EL1", { MINLAT: [15, 0] });

/**
 * Sampling Profiling ID. COUNTSIZE: 2 for counters of 12 bits, 3 for 16; MAXSIZE: log2 of the largest
 * record, 4 to 11; INTERVAL: smallest recommended interval (0 to 8 for 256 to 4096, `MIN_INTERVALS`).
 */
export const PMSIDR = new Register("PMSIDR_EL1", {
  SME: [32, 32],
  ALTCLK: [31, 28],
  FPF: [27, 27],
  EFT: [26, 26],
  CRR: [25, 25],
  PBT: [24, 24],
  FORMAT: [23, 20],
  COUNTSIZE: [19, 16],
  MAXSIZE: [15, 12],
  INTERVAL: [11, 8],
  FDS: [7, 7],
  FnE: [6, 6],
  ERND: [5, 5],
  LDS: [4, 4],
  ARCHINST: [3, 3],
  FL: [2, 2],
  FT: [1, 1],
  FE: [0, 0],
});

/** PMSIDR_EL1.INTERVAL to operations; values in between are reserved. */
export const MIN_INTERVALS: ReadonlyMap<number, number> = new Map([
  [0, 256],
  [2, 512],
  [3, 768],
  [4, 1024],
  [5, 1536],
  [6, 2048],
  [7, 3072],
  [8, 4096],
]);

/** Profiling Buffer Limit: LIMIT in 4 KiB, FM 0 fill or 2 discard, E enable. */
export const PMBLIMITR = new Register("PMBLIMITR_EL1", {
  LIMIT: [63, 12],
  PMFZ: [5, 5],
  FM: [2, 1],
  E: [0, 0],
});

/** Profiling Buffer Status: why profiling stopped. MSS is BSC (EC 0) or FSC (faults) in its lower bits. */
export const PMBSR = new Register("PMBSR_EL1", {
  EC: [31, 26],
  DL: [19, 19],
  EA: [18, 18],
  S: [17, 17],
  COLL: [16, 16],
  MSS: [15, 0],
});

/** Profiling Buffer ID. ALIGN: log2 of the smallest alignment of PMBPTR, up to 11; P: not for this EL. */
export const PMBIDR = new Register("PMBIDR_EL1", { EA: [11, 8], F: [5, 5], P: [4, 4], ALIGN: [3, 0] });

/** PMBSR_EL1.EC. */
export const BufferEventClass = {
  bufferManagement: 0x00,
  granuleProtection: 0x1e,
  implementationDefined: 0x1f,
  stage1Fault: 0x24,
  stage2Fault: 0x25,
} as const;

/** PMBSR_EL1.MSS, bits 5:0, with EC 0: the buffer status code. */
export const BufferStatusCode = { notFilled: 0, filled: 1 } as const;

/**
 * PMBSR_EL1.MSS, bits 5:0, for faults: the code of a data abort without its level (0 to 3), which is
 * added, but for an external abort.
 */
export const FaultStatusCode = {
  addressSize: 0x00,
  translation: 0x04,
  accessFlag: 0x08,
  permission: 0x0c,
  externalAbort: 0x10,
  externalAbortOnWalk: 0x14,
} as const;

/**
 * What was sampled, read from an operation type packet (Arm ARM, "Operation Type packet"). Every
 * payload has exactly one reading, and every reading one payload.
 */

/** Neither a memory access nor a branch. */
export interface OtherOperation {
  readonly class: "other";
  readonly subclass: "other";
  /** Advanced SIMD. */
  readonly simd: boolean;
  readonly floatingPoint: boolean;
  /** Conditional (a select, say). */
  readonly conditional: boolean;
}

/** SVE data processing. */
export interface SveOperation {
  readonly class: "other";
  readonly subclass: "sve";
  /** Effective vector length in bits: 32 << 0 to 7. */
  readonly vectorLength: number;
  readonly floatingPoint: boolean;
  readonly predicated: boolean;
}

/** SME data processing. */
export interface SmeOperation {
  readonly class: "other";
  readonly subclass: "sme";
  /** Effective vector length or tile size in bits: 128 << 0 to 15. */
  readonly tileSize: number;
  readonly floatingPoint: boolean;
}

/** What a load or store moves, where that is all there is to say. */
export type PlainAccess =
  | "general"
  | "simd-fp"
  | "unspecified"
  | "nv-sysreg"
  | "mte-tag"
  | "memcpy"
  | "memset";

/** A load or store; `memset` is a store always. */
export interface PlainMemoryOperation {
  readonly class: "memory";
  readonly subclass: PlainAccess;
  readonly store: boolean;
}

/** An atomic, exclusive, acquire or release access. */
export interface OrderedMemoryOperation {
  readonly class: "memory";
  readonly subclass: "extended";
  readonly store: boolean;
  readonly atomic: boolean;
  readonly exclusive: boolean;
  readonly acquireRelease: boolean;
}

/** An access of SVE or SME registers. */
export interface VectorMemoryOperation {
  readonly class: "memory";
  readonly subclass: "sve";
  readonly store: boolean;
  /** Effective vector length in bits: 32 << 0 to 7. */
  readonly vectorLength: number;
  readonly predicated: boolean;
  readonly gatherScatter: boolean;
}

/** An access of the guarded control stack. */
export interface GcsMemoryOperation {
  readonly class: "memory";
  readonly subclass: "gcs";
  readonly store: boolean;
  /** The operation is a common one (a branch with link, a return). */
  readonly common: boolean;
}

/** A branch or exception return. */
export interface BranchOperation {
  readonly class: "branch";
  readonly conditional: boolean;
  readonly indirect: boolean;
  /** Touched the guarded control stack. */
  readonly gcs: boolean;
  /** `call` has a link, `neither` says that it is no call and no return, `unknown` that nothing is said. */
  readonly callReturn: "unknown" | "call" | "return" | "neither";
  /** Payload bits 7:5, 0 in what is known. */
  readonly reserved: number;
}

/** A payload without a reading, or class 3. */
export interface UnknownOperation {
  readonly class: "unknown";
  /** 0 to 3. */
  readonly classBits: number;
  /** 8 bits. */
  readonly payload: number;
}

export type MemoryOperation =
  | PlainMemoryOperation
  | OrderedMemoryOperation
  | VectorMemoryOperation
  | GcsMemoryOperation;

export type SampledOperation =
  | OtherOperation
  | SveOperation
  | SmeOperation
  | MemoryOperation
  | BranchOperation
  | UnknownOperation;

/** The payload's bits 7:1 for each plain access. */
export const PLAIN_ACCESS: Readonly<Record<PlainAccess, number>> = {
  general: 0x00,
  "simd-fp": 0x04,
  unspecified: 0x10,
  "mte-tag": 0x14,
  memcpy: 0x20,
  memset: 0x24,
  "nv-sysreg": 0x30,
};

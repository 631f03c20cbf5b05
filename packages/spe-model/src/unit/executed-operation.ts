import type { SampledOperation } from "../operation/operation.js";

/** An operation that a CPU executes, with all that SPE can record of it. */
export interface ExecutedOperation {
  /** Virtual address, 64 bits. */
  readonly pc: bigint;
  readonly operation: SampledOperation;
  /** As in `EventBit`. */
  readonly events: bigint;
  /** Cycles. One operation is executed in a cycle, so that a sampled one is in the way for `total` others. */
  readonly latency: { readonly total: number; readonly issue: number; readonly translation?: number };
  /** Data address, 64 bits with its tag. */
  readonly dataVirtual?: bigint;
  /** Up to 56 bits. */
  readonly dataPhysical?: bigint;
  /** A branch's target, 64 bits. */
  readonly target?: bigint;
  /** 0 to 65535. */
  readonly dataSource?: number;
}

/** What a CPU executes, one operation after the other. */
export interface OperationStream {
  /** Passes over `count` operations, which nobody looks at. */
  skip(count: number): void;
  /** The next operation. */
  next(): ExecutedOperation;
}

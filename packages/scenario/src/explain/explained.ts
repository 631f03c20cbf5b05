import type { MemoryMap } from "./memory-map.js";

/** Why the kernel refused a call. */
export interface WhyRefused {
  readonly errno: string;
  /** The kernel function that refused. */
  readonly fn: string;
  /** The condition in words, with the offending values. */
  readonly reason: string;
  /** What would have been accepted. */
  readonly accepted?: string;
}

/** A call that was made of the model. */
export interface ExplainedCall {
  /** As it was given. */
  readonly text: string;
  readonly outcome: "accepted" | "refused" | "not modelled";
  readonly refusal?: WhyRefused;
  /** What the call returned, or the model lacks. */
  readonly note?: string;
}

/** Calls made one after the other, and the memory that the guest has then. */
export interface ExplainedCalls {
  readonly kernel: string;
  readonly arch: string;
  readonly calls: readonly ExplainedCall[];
  readonly map: MemoryMap;
}

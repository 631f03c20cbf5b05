import type { Counterexample, Watch } from "./counterexample.js";
import type { Properties, ViolationKind } from "./judge.js";
import type { BoundName, Bounds } from "./limits.js";

/**
 * - `states`: depth-first over states, with sleep sets and fused steps. For everything that is not tiny.
 * - `traces`: each class of equivalent interleavings once, by source-set dynamic partial-order reduction, without
 *   remembering states. For small programs, and to check the other.
 * - `random`: random walks, for what is too large.
 */
export type Method = "states" | "traces" | "random";

export interface ExploreOptions extends Properties {
  /** Default `states`. */
  readonly method?: Method;
  /** Stop at the first violation. Default true. Else each different violation is reported once. */
  readonly stopAtFirst?: boolean;
  readonly bounds?: Bounds;
  /** For random walks. Default 1. */
  readonly seed?: number;
  /** Leave transitions away that lead to states that others lead to (states only). Default true. */
  readonly sleepSets?: boolean;
  /** Make steps that nobody else can observe together with the step before (states only). Default true. */
  readonly fuse?: boolean;
  /** Make steps again from memory instead of running their paths. Default true. */
  readonly remember?: boolean;
  /** Look for livelocks (states only). Default true. */
  readonly livelocks?: boolean;
  /** Look for the counterexample with the fewest preemptions, then the fewest steps. Default true. */
  readonly minimize?: boolean;
  /** What counterexamples show beside their steps. Default: nothing. */
  readonly watch?: Watch;
}

export interface ExploredViolation {
  readonly kind: ViolationKind;
  readonly message: string;
  readonly counterexample: Counterexample;
}

export interface Exploration {
  readonly method: Method;
  readonly verdict: "holds" | "violated" | "unknown";
  /** The verdict, and what it covers, in a sentence. */
  readonly sentence: string;
  /** Everything was covered, up to the first violation of each interleaving. */
  readonly exhaustive: boolean;
  /** Why not, as far as bounds are to blame. */
  readonly boundsHit: readonly BoundName[];
  /** Different states visited; 0 where none are remembered. */
  readonly states: number;
  /** Classes of equivalent interleavings, or random walks. */
  readonly traces: number;
  /** Steps made, also those that led to known states, and how many of them by running their path. */
  readonly steps: number;
  readonly runs: number;
  /** Final states (or traces, or walks) in which every thread was done. */
  readonly finals: number;
  /** How likely it is that some state was taken for another, if hashes are as good as random. */
  readonly collision: number;
  readonly violations: readonly ExploredViolation[];
}

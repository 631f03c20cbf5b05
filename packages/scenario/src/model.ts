import type { CallName } from "./format/calls/index.js";
import type { Architecture } from "./format/machine.js";
import type { Prediction } from "./format/observation.js";
import type { Scenario } from "./format/scenario.js";
import type { Kernel } from "./kernels/kernels.js";
import type { LibraryScenario } from "./library/library.js";
import type { RaceScenario } from "./library/races.js";
import type { MatrixOptions, MatrixResult } from "./matrix/matrix.js";
import type { Patch } from "./patches/define-patch.js";
import type { RaceStep, RaceTrace, SavedRace } from "./race/race-trace.js";
import type { ReviewOptions, ReviewResult } from "./review/review.js";

/** What the commands need of the model. */
export interface Model {
  readonly kernels: readonly Kernel[];
  /** The kernel of a version, a release or a recorded kernel's own name. */
  kernelOf(name: string): Kernel | undefined;
  readonly patches: readonly Patch[];
  readonly library: readonly LibraryScenario[];
  /** Every operation of the host on every kind of memory: the matrix runs them. */
  readonly hostOperations: readonly LibraryScenario[];
  readonly races: readonly RaceScenario[];
  readonly runScenario: RunScenario;
  readonly replayRace: ReplayRace;
  readonly review: (patch: Patch, options?: ReviewOptions) => ReviewResult;
  readonly matrix: (options?: MatrixOptions) => MatrixResult;
}

/**
 * Runs a scenario: its steps in order, and every interleaving of its threads. Deterministic: the same scenario,
 * options and version give the same result. Throws {@link NotBuiltIn} for a kernel, configuration, architecture
 * or patch that the model does not have.
 */
export type RunScenario = (scenario: Scenario, options?: RunOptions) => RunResult;

/**
 * Runs the steps of a scenario, and then its threads in the order of a counterexample that was saved, maybe of another
 * version, kernel or patch. Nothing else is explored. Throws {@link NotBuiltIn} as {@link RunScenario} does.
 */
export type ReplayRace = (scenario: Scenario, saved: SavedRace, options?: RunOptions) => ReplayResult;

/** What is said here comes before what the scenario says. */
export interface RunOptions {
  readonly kernel?: string;
  readonly arch?: Architecture;
  /** Applied after the scenario's own. */
  readonly patches?: readonly (string | Patch)[];
  /** Of random walks. Default 0. */
  readonly seed?: number;
  /** How what happens concurrently is explored. */
  readonly exploring?: Exploring;
  /** Look after each step whether stage 2 still agrees with the memory behind it. Default true; costs time on large slots. */
  readonly checks?: boolean;
  /**
   * State the stage-2 tables after each step, as the kernel's debugfs file shows them (FORMAT-stage2.md). Default:
   * where the kernel has such a file, which is on machines with `config: lab`.
   */
  readonly stage2?: boolean;
  /** Told now and then, while threads are explored, how many states have been looked at. */
  readonly onStates?: (states: number) => void;
}

/**
 * How threads are explored. Left out: every interleaving, up to a million states. Deadlocks, lost wake-ups and the
 * properties are looked for in any case; livelocks only without `walks` and `preemptions`.
 */
export interface Exploring {
  /** So many random walks, from the seed, instead of every interleaving: for what is too large. */
  readonly walks?: number;
  /** Only interleavings with at most so many preemptions: switches away from a thread in the midst of a call. */
  readonly preemptions?: number;
  /** States after which a search gives up. Default 1,000,000. */
  readonly states?: number;
  /** Give up after so many milliseconds, by the clock: the verdict then depends on the machine. */
  readonly milliseconds?: number;
}

/** Whether what should hold does. */
export type Verdict = "holds" | "breaks";

/** Where the model decided something, under the kernel's name for the function. */
export interface Decision {
  readonly fn: string;
  readonly text: string;
}

/** Why a call failed: the kernel function that refused, and its reason. */
export interface Refusal {
  readonly fn: string;
  readonly reason: string;
}

/** What there is to say of one step beside what is observed. */
export interface StepResult {
  readonly decisions: readonly Decision[];
  /** Pages of all slots that stage 2 maps after the step, where it was looked at. */
  readonly mapped?: number;
  readonly refusal?: Refusal;
}

/** A call that the model lacks, or lacks on this machine. */
export interface NotModelled {
  /** The index of the step; of a thread, the index in it. */
  readonly step: number;
  readonly thread?: string;
  readonly call: CallName;
  readonly why: string;
}

/** A property or an expectation that does not hold. */
export interface Violation {
  /** `use-after-free`, `stale stage-2 mapping`, `expect[0]` */
  readonly property: string;
  /** The sentence that says what went wrong. */
  readonly text: string;
  /** The step after which it does not hold, where that is one of `steps`. */
  readonly step?: number;
  /** Of a race, in plain words: who used what, after whom took it away, and why nothing held that up. */
  readonly why?: string;
  /** The shortest interleaving that shows it. */
  readonly race?: RaceTrace;
}

/** How much of what can happen was looked at. */
export interface Exploration {
  readonly executions: number;
  /** Different states; 0 for random walks, which do not remember them. */
  readonly states: number;
  /** False: it was cut off by a bound, or by the first violation. */
  readonly complete: boolean;
  /** Which interleavings that is, in words. */
  readonly covered: string;
  /** How likely it is that some state was taken for another one: they are told apart by 64 bits of hash. */
  readonly collision: number;
}

export interface RunResult {
  /** What it ran on. */
  readonly kernel: string;
  readonly arch: Architecture;
  readonly patches: readonly string[];
  readonly seed: number;
  readonly verdict: Verdict;
  /** The verdict in words: in what model, and what it does not cover. */
  readonly sentence: string;
  /** One for each step, in the form of FORMAT.md without `by`. */
  readonly observed: readonly Prediction[];
  /** One for each step. */
  readonly steps: readonly StepResult[];
  /** What the names stood for before each step. */
  readonly names?: readonly ReadonlyMap<string, bigint>[];
  readonly notModelled: readonly NotModelled[];
  /** What the verdict does not cover, in words. */
  readonly notCovered: readonly string[];
  readonly warnings: readonly string[];
  readonly violations: readonly Violation[];
  readonly exploration?: Exploration;
}

/** What became of a saved counterexample. */
export interface ReplayResult
  extends Pick<RunResult, "kernel" | "arch" | "patches" | "notModelled" | "warnings" | "violations"> {
  /**
   * - `reproduced`: it goes wrong in the same way.
   * - `goes wrong otherwise`: something else goes wrong on the way.
   * - `no longer goes wrong`: every step can still be made, and nothing goes wrong.
   * - `a step is gone`: it cannot be followed to its end; whether other orders go wrong is not said.
   * - `not modelled`: the model lacks a call.
   */
  readonly outcome:
    | "reproduced"
    | "goes wrong otherwise"
    | "no longer goes wrong"
    | "a step is gone"
    | "not modelled";
  /** The same in words. */
  readonly sentence: string;
  /** The first step that no longer exists or can no longer be made, as it was saved, counted from 1; else null. */
  readonly gone:
    | (Pick<RaceStep, "thread" | "function" | "object" | "what"> & { readonly step: number })
    | null;
}

/** A kernel, configuration, architecture or patch that is named but not built in. */
export class NotBuiltIn extends Error {
  override readonly name = "NotBuiltIn";
  constructor(
    readonly what:
      | "kernel"
      | "configuration"
      | "architecture"
      | "patch"
      | "model"
      | "kind of memory"
      | "call site",
    readonly wanted: string,
    readonly hint?: string,
  ) {
    super(`${what} "${wanted}" is not built in${hint === undefined ? "" : `; ${hint}`}`);
  }
}

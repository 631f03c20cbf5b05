import type { Architecture } from "../format/machine.js";
import type { Observation } from "../format/observation.js";
import type { NotModelled, Verdict, Violation } from "../model.js";
import { NotBuiltIn } from "../model.js";
import type { Patch } from "../patches/define-patch.js";

export interface ReviewOptions {
  /** Left out: every built-in kernel. */
  readonly kernels?: readonly string[];
  /** Left out: every architecture. */
  readonly architectures?: readonly Architecture[];
  /** Applied before the patch, to both sides. */
  readonly base?: readonly (string | Patch)[];
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number, what: string) => void;
}

/** What the patch changes at one step of one scenario. */
export interface Change {
  readonly scenario: string;
  readonly step: number;
  readonly call: string;
  readonly without: Observation;
  readonly with: Observation;
  /** The change in words. */
  readonly text: string;
}

/** A property that holds without the patch and not with it, or the other way round. */
export interface ReviewFinding {
  readonly scenario: string;
  readonly violation: Violation;
}

/** A review on one kernel and architecture. It breaks where the patch breaks what held without it. */
export interface ReviewPart {
  readonly kernel: string;
  readonly arch: Architecture;
  readonly verdict: Verdict;
  readonly changes: readonly Change[];
  /** The scenarios in which nothing changes. */
  readonly unchanged: readonly string[];
  readonly broken: readonly ReviewFinding[];
  readonly mended: readonly ReviewFinding[];
  readonly notModelled: readonly (NotModelled & { readonly scenario: string })[];
}

export interface ReviewResult {
  readonly patch: Pick<Patch, "name" | "title" | "origin" | "text">;
  /** It breaks if it breaks in any part. */
  readonly verdict: Verdict;
  /** In what model, on how many recordings, and what it does not cover. */
  readonly sentence: string;
  readonly notCovered: readonly string[];
  readonly parts: readonly ReviewPart[];
}

/** Runs the library without and with a patch, and says what changes, what stays and what breaks. */
export function review(patch: Patch, _options: ReviewOptions = {}): ReviewResult {
  throw new NotBuiltIn("model", patch.name, "this build reads and compares, but reviews nothing");
}

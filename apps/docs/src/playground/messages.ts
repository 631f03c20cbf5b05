import type { Inspection, Observation, RunResult, Scenario } from "@kvmm/scenario";

/** What the page asks of the worker. Each request has a number, and every answer carries it. */
export type Request =
  | { readonly id: number; readonly kind: "check"; readonly text: string }
  | {
      readonly id: number;
      readonly kind: "run";
      readonly text: string;
      readonly kernel: string;
      readonly arch: string;
      readonly patches: readonly string[];
    }
  | { readonly id: number; readonly kind: "open"; readonly name: string; readonly bytes: Uint8Array };

/** A mistake in a scenario, where it is and what would be right. */
export interface Problem {
  readonly text: string;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
}

/** The steps of a scenario, as they ran. */
export interface Ran {
  readonly scenario: Scenario;
  readonly result: RunResult;
  readonly inspection: Inspection | null;
  /** What the same steps do without the chosen patches, where there are any. */
  readonly unpatched?: readonly Observation[];
}

/** A scenario out of a file. */
export interface Opened {
  readonly name: string;
  readonly text: string;
  /** What a real kernel was recorded to do. */
  readonly observed?: readonly Observation[];
}

export type Answer =
  | { readonly id: number; readonly kind: "fine" }
  | { readonly id: number; readonly kind: "problem"; readonly problem: Problem }
  /** `threads`: they are being explored, and another answer follows. */
  | { readonly id: number; readonly kind: "ran"; readonly ran: Ran; readonly threads: boolean }
  /** States of the threads that have been looked at so far. */
  | { readonly id: number; readonly kind: "exploring"; readonly states: number }
  | { readonly id: number; readonly kind: "explored"; readonly result: RunResult }
  | { readonly id: number; readonly kind: "opened"; readonly opened: readonly Opened[] };

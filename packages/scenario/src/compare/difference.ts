import type { Observation, ObservationField } from "../format/observation.js";
import type { Step } from "../format/step.js";

/** Where a prediction and a recording disagree: one field of one step. */
export interface Difference {
  /** The index of the step. */
  readonly step: number;
  readonly call: Step["call"];
  readonly field: ObservationField | "step";
  /** What the kernel was observed to do; left out: nothing. */
  readonly expected: Observation[ObservationField];
  /** What the model says. */
  readonly predicted: Observation[ObservationField];
}

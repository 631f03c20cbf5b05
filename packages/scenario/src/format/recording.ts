import type { Machine } from "./machine.js";
import type { Observation } from "./observation.js";
import type { Scenario } from "./scenario.js";
import type { Step } from "./step.js";

/** A scenario, and what a real kernel was observed to do at each of its steps. */
export interface Recording {
  readonly id: string;
  readonly machine: Machine;
  readonly steps: readonly Step[];
  /** As long as `steps`. */
  readonly observed: readonly Observation[];
  /** False: only what the calls themselves returned was recorded. */
  readonly traced?: boolean;
  readonly note?: string;
}

/** What a recording did, to be run again. */
export function toScenario(recording: Recording): Scenario {
  return { title: recording.id, machine: recording.machine, steps: recording.steps };
}

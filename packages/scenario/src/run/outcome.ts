import type { Refusal, Task } from "@kvmm/mm-core";
import type { CallName, ResolvedArguments } from "../format/calls/index.js";
import type { Observation } from "../format/observation.js";
import type { World } from "./world.js";

/** What a call came to. */
export interface CallOutcome {
  readonly refusal?: Refusal;
  /** What the call returned, for the name that the step gives it. */
  readonly value?: bigint;
  /** The child that the call made, for the name that the step gives it. */
  readonly task?: Task;
  /** The task died of it: nothing was returned. */
  readonly died?: boolean;
  /** SPE's write met a fault: where and which, as `lostSpeRecord` reads it. */
  readonly lostRecord?: string;
  /** What was observed beside the notifiers; `ret` is 0 unless stated here. */
  readonly observation?: Observation;
}

/** How a call of the vocabulary is made on the model. */
export type CallBinding<C extends CallName> = (
  world: World,
  task: Task,
  args: ResolvedArguments<C>,
) => CallOutcome;

/** The bindings of some calls. */
export type Bindings = { readonly [C in CallName]?: CallBinding<C> };

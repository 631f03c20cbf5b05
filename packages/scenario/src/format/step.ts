import type { ArgumentValue } from "./argument.js";
import type { CallName } from "./calls/index.js";

/** One call of a scenario. */
export interface Step {
  readonly call: CallName;
  readonly args?: Readonly<Record<string, ArgumentValue>>;
  /** A name for what the call returns. */
  readonly as?: string;
  /** The child that does it; left out: the VMM. */
  readonly task?: string;
  /** Observed together with what follows: its notifiers are listed at the next step without `joined`. */
  readonly joined?: boolean;
}

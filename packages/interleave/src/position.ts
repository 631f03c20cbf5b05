import type { Pending } from "./access.js";
import type { Log } from "./log.js";

/** Where a task stands, to return to it: its logs are only ever appended to, or replaced. */
export interface Position {
  readonly call: number;
  readonly log: Log;
  readonly length: number;
  readonly created: number;
  readonly results: number;
  readonly doneLo: number;
  readonly doneHi: number;
  readonly pending: Pending | null;
}

/** All that a task is, between two steps: to be taken up again at any time, also by {@link Suspendable.load}. */
export interface Snapshot {
  readonly call: number;
  /** Given away: {@link Suspendable.load} writes on in it. */
  readonly log: Log;
  readonly created: number;
  readonly results: readonly unknown[];
  readonly doneLo: number;
  readonly doneHi: number;
  readonly pending: Pending | null;
}

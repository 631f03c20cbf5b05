import { WaitQueue } from "../wait-queue.js";
import { waitsFor } from "./describe.js";
import type { Program } from "./program.js";

/**
 * What can go wrong.
 * - `error`: a path threw.
 * - `deadlock`: tasks wait, and nobody can move; or one waits for itself.
 * - `lost wake-up`: a deadlock of tasks that all sleep on wait queues.
 * - `livelock`: tasks go round for ever, every one that can move does, and no call is completed.
 * - `check`: a property does not hold.
 */
export type ViolationKind = "error" | "deadlock" | "lost wake-up" | "livelock" | "check";

export interface Finding {
  readonly kind: ViolationKind;
  readonly message: string;
}

/** What a finding goes by: found again, it is the same. */
export function nameOf({ kind, message }: Finding): string {
  return `${kind}: ${message}`;
}

export interface Properties {
  /** Looks at each state (with `peek`); returns what is wrong with it, if anything. Such a state is not left again. */
  readonly check?: (() => string | undefined) | undefined;
  /** Looks at each final state, when all threads are done. */
  readonly atEnd?: ((results: readonly (readonly unknown[])[]) => string | undefined) | undefined;
}

/** Is something wrong with the present state, at which nobody can move? */
export function judgeRest(program: Program, properties: Properties): Finding | null {
  if (program.isDone()) {
    const message = properties.atEnd?.(program.results());
    return message === undefined ? null : { kind: "check", message };
  }
  const stuck = program.tasks.flatMap(({ name }, t) => {
    const { pending } = program.places[t]!;
    return pending === null ? [] : [{ name, pending }];
  });
  return {
    kind: stuck.every(({ pending }) => pending.object instanceof WaitQueue) ? "lost wake-up" : "deadlock",
    message: stuck.map(({ name, pending }) => waitsFor(program.store, name, pending)).join("; "),
  };
}

export function judgeState(properties: Properties): Finding | null {
  const message = properties.check?.();
  return message === undefined ? null : { kind: "check", message };
}

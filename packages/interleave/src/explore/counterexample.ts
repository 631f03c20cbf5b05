import type { Kind, Shared } from "../shared-object.js";
import type { TraceEvent } from "../store.js";
import type { ViolationKind } from "./judge.js";
import type { Program } from "./program.js";
import { Recorder } from "./recorder.js";
import type { PathStep } from "./shortest.js";

/** A value as it is shown: shared objects by their names. */
export type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown };

/** Something to be shown beside the steps that change it. */
export interface Watched {
  /** What it is called: the same each time. */
  readonly name: string;
  /** What it is at the moment, in words. */
  readonly value: string;
  /** The object in which it is kept, and which word or entry: accesses to it are marked. */
  readonly object?: Shared;
  readonly key?: number;
}

/** Looks at the present state, with `peek`. */
export type Watch = () => readonly Watched[];

/** Something watched that has another value now; `undefined`: it is no longer there, or was not. */
export interface WatchedChange {
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** Something that a step did to shared state. */
export interface TraceAccess {
  /** The object's name; null for a choice, or an atomic step. */
  readonly object: string | null;
  /** Which word or entry of it, where it has several. */
  readonly key: number | null;
  readonly kind: KindName;
  /** What was read or written; null where that says nothing. */
  readonly value: Shown;
  /** The functions that were being called, innermost first, without those of shared objects. */
  readonly functions: readonly string[];
  /** The name of what is watched and kept there, or null. */
  readonly watched: string | null;
  /** What is watched and has another value after it. */
  readonly changed: readonly WatchedChange[];
  /** What the model decided between this access and the next (Store.trace). */
  readonly decisions: readonly TraceEvent[];
}

export interface TraceChange {
  readonly object: string;
  readonly key: number | null;
  readonly before: Shown;
  readonly after: Shown;
}

export interface TraceStep {
  /** Index among the threads. */
  readonly thread: number;
  /** Index of the call within the thread. */
  readonly call: number;
  /** The outcome of a choice, else 0. */
  readonly outcome: number;
  /** What the step begins with, in words: `takes kvm->mmu_lock`. */
  readonly what: string;
  /** The innermost function that the step begins in, or "". */
  readonly fn: string;
  readonly object: string | null;
  readonly kind: KindName;
  /** The thread before was in the midst of a call, and could have gone on. */
  readonly isPreemption: boolean;
  readonly accesses: readonly TraceAccess[];
  readonly changes: readonly TraceChange[];
}

/** How something goes wrong, as data: JSON can hold it. */
export interface Counterexample {
  readonly kind: ViolationKind;
  readonly message: string;
  /** One sentence for a person. */
  readonly sentence: string;
  readonly threads: readonly string[];
  /** What is watched, as it was at first: values by names. */
  readonly initially: Readonly<Record<string, string>>;
  readonly steps: readonly TraceStep[];
  readonly preemptions: number;
  /** In a livelock, the step to which the last one leads back; else null. The step that goes wrong is the last one. */
  readonly loopsTo: number | null;
  /** No other has fewer preemptions, nor as many and fewer steps. */
  readonly isShortest: boolean;
}

export type KindName = keyof typeof Kind;

/** Records a path as a counterexample; from the start of a program that remembers nothing. */
export function record(
  program: Program,
  path: readonly PathStep[],
  finding: { readonly kind: ViolationKind; readonly message: string },
  loop: readonly PathStep[],
  isShortest: boolean,
  watch?: Watch,
): Counterexample {
  const recorder = new Recorder(program, watch);
  for (const step of [...path, ...loop]) recorder.step(step);
  const { initially, steps, preemptions } = recorder;
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const size = `${count(steps.length, "step")}, ${count(preemptions, "preemption")}`;
  return {
    kind: finding.kind,
    message: finding.message,
    sentence: `${KIND_SENTENCE[finding.kind]} after ${size}: ${finding.message}.`,
    threads: program.tasks.map(({ name }) => name),
    initially,
    steps,
    preemptions,
    loopsTo: loop.length > 0 ? path.length : null,
    isShortest,
  };
}

const KIND_SENTENCE: Record<ViolationKind, string> = {
  error: "An error",
  deadlock: "A deadlock",
  "lost wake-up": "A lost wake-up",
  livelock: "A livelock",
  check: "A property fails",
};

import { Kind, Shared, WHOLE } from "../shared.js";
import type { Store } from "../store.js";
import { describe } from "./describe.js";
import { functionsAbove } from "./functions.js";
import { judgeRest, judgeState, type Properties, type ViolationKind } from "./judge.js";
import { Program, type Thread } from "./program.js";
import type { PathStep } from "./shortest.js";

/** A value as it is shown: shared objects by their names. */
export type Shown = string | number | boolean | null | readonly Shown[] | { readonly [key: string]: Shown };

/** Something that a step did to shared state. */
export interface TraceAccess {
  /** The object's name; null for a choice, or an atomic step. */
  readonly object: string | null;
  /** Which word or entry of it, where it has several. */
  readonly key: number | null;
  readonly kind: KindName;
  /** The functions that were being called, innermost first, without those of shared objects. */
  readonly functions: readonly string[];
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
  readonly steps: readonly TraceStep[];
  readonly preemptions: number;
  /** In a livelock, the step to which the last one leads back; else null. The step that goes wrong is the last one. */
  readonly loopsTo: number | null;
  /** No other has fewer preemptions, nor as many and fewer steps. */
  readonly isShortest: boolean;
}

export type KindName = keyof typeof Kind;

const KIND_NAMES = Object.fromEntries(Object.entries(Kind).map(([name, kind]) => [kind, name])) as Record<
  Kind,
  KindName
>;

/** What a path went through, step by step; runs every path for real. Undone by the caller. */
export class Recorder {
  readonly steps: TraceStep[] = [];
  #last = -1;

  constructor(private readonly program: Program) {}

  get preemptions(): number {
    return this.steps.filter(({ isPreemption }) => isPreemption).length;
  }

  /** @returns the message of the step's failure, if it fails */
  step({ task: t, outcome }: PathStep): string | null {
    const { program } = this;
    const task = program.tasks[t]!;
    const pending = program.places[t]!.pending!;
    const isPreemption = this.#last >= 0 && this.#last !== t && program.isMidway(this.#last);
    this.#last = t;
    const accesses: TraceAccess[] = [];
    task.onAccess = ({ object, kind, key }) => {
      accesses.push({
        object: object?.name ?? null,
        key: shownKey(object, key),
        kind: KIND_NAMES[kind],
        functions: functionsAbove(object),
      });
    };
    const call = program.places[t]!.call;
    const { delta, failure } = program.step(t, outcome);
    task.onAccess = null;
    this.steps.push({
      thread: t,
      call,
      outcome,
      what: describe(pending, outcome),
      fn: accesses[0]?.functions[0] ?? "",
      object: pending.object?.name ?? null,
      kind: KIND_NAMES[pending.kind],
      isPreemption,
      accesses,
      changes: changesOf(delta),
    });
    return failure?.message ?? null;
  }
}

function shownKey(object: Shared | null, key: number): number | null {
  return object?.keyed && key !== WHOLE ? key : null;
}

function changesOf({ objects, keys, olds, nows }: Program["path"][number]["delta"]): TraceChange[] {
  const first = new Map<string, TraceChange>();
  for (const [i, object] of objects.entries()) {
    if (object.name === HELD) continue;
    const at = `${object.id} ${keys[i]}`;
    const change = {
      object: object.name,
      key: shownKey(object, keys[i]!),
      before: shown(olds[i]),
      after: shown(nows[i]),
    };
    const before = first.get(at);
    first.set(at, before === undefined ? change : { ...change, before: before.before });
  }
  return [...first.values()];
}

/** Bookkeeping that follows from the locks. */
const HELD = "held locks";

function shown(value: unknown): Shown {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "string":
      return value;
    case "object":
      if (value === null) return null;
      if (value instanceof Shared) return value.name;
      if (Array.isArray(value)) return value.map(shown);
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
    default:
      return String(value);
  }
}

/** What became of a counterexample on another version of its program. */
export interface Replay {
  /** Does it still go wrong in the same way? */
  readonly isReproduced: boolean;
  /** One sentence for a person. */
  readonly sentence: string;
  /** The steps as they are now, up to where the counterexample could be followed. */
  readonly steps: readonly TraceStep[];
  /** The first step that no longer exists, or can no longer be made; null if all could be. */
  readonly stoppedAt: number | null;
}

/**
 * Follows a counterexample on a program, which may be a later version of the one that it came from, from the store's
 * present state, and returns to it. Threads are found by their names, steps by what they begin with.
 */
export function replay(
  store: Store,
  threads: readonly Thread[],
  counterexample: Counterexample,
  options: Properties = {},
): Replay {
  const program = new Program(store, threads, false);
  try {
    return follow(program, counterexample, options);
  } finally {
    program.close();
  }
}

function follow(program: Program, counterexample: Counterexample, options: Properties): Replay {
  const { steps, message, loopsTo } = counterexample;
  const recorder = new Recorder(program);
  const stop = (i: number, why: string): Replay => ({
    isReproduced: false,
    sentence: `Step ${i + 1} no longer exists: ${why}.`,
    steps: recorder.steps,
    stoppedAt: i,
  });
  const end = (happened: string | undefined): Replay => {
    const isReproduced = happened === message;
    const sentence = isReproduced
      ? `Still happens: ${message}.`
      : happened === undefined
        ? `All ${steps.length} steps can be made, and nothing goes wrong.`
        : `Goes wrong otherwise: ${happened}.`;
    return { isReproduced, sentence, steps: recorder.steps, stoppedAt: null };
  };
  const failures = program.start();
  const failed = failures.find((failure) => failure.message === message) ?? failures[0];
  if (failed !== undefined) return end(failed.message);
  let before: readonly [number, number] | null = null;
  for (const [i, step] of steps.entries()) {
    const name = counterexample.threads[step.thread]!;
    const t = program.tasks.findIndex((task) => task.name === name);
    if (t < 0) return stop(i, `there is no thread ${name}`);
    const { pending } = program.places[t]!;
    if (pending === null) return stop(i, `${name} is done`);
    if (step.outcome >= pending.outcomes || describe(pending, step.outcome) !== step.what) {
      return stop(i, `${name} ${describe(pending, 0)} where it had: ${step.what}`);
    }
    if (!program.isEnabled(t)) return stop(i, `${name} cannot make it now: ${step.what}`);
    if (i === loopsTo) before = [program.lo, program.hi];
    const failure = recorder.step({ task: t, outcome: step.outcome });
    if (failure !== null) return end(failure);
    const wrong = i < steps.length - 1 ? judgeState(options) : null;
    if (wrong !== null) return end(wrong.message);
  }
  if (before !== null && before[0] === program.lo && before[1] === program.hi) return end(message);
  const wrong = judgeState(options) ?? (program.enabled() === 0 ? judgeRest(program, options) : null);
  return end(wrong?.message);
}

/** Records a path as a counterexample; from the start of a program that remembers nothing. */
export function record(
  program: Program,
  path: readonly PathStep[],
  finding: { readonly kind: ViolationKind; readonly message: string },
  loop: readonly PathStep[],
  isShortest: boolean,
): Counterexample {
  const recorder = new Recorder(program);
  for (const step of [...path, ...loop]) recorder.step(step);
  const { steps, preemptions } = recorder;
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? "" : "s"}`;
  const size = `${count(steps.length, "step")}, ${count(preemptions, "preemption")}`;
  return {
    kind: finding.kind,
    message: finding.message,
    sentence: `${KIND_SENTENCE[finding.kind]} after ${size}: ${finding.message}.`,
    threads: program.tasks.map(({ name }) => name),
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

import type {
  Counterexample,
  KindName,
  Replayable,
  TraceAccess,
  TraceStep,
  WatchedChange,
} from "@kvmm/interleave";
import type { CallName } from "../format/calls/index.js";
import type { Step } from "../format/step.js";
import { isCounter } from "./watch.js";

/** The threads of a scenario, and the calls of each. */
export type Threads = readonly (readonly [name: string, steps: readonly Step[]])[];

/**
 * One interleaving of threads, step by step, and what it did to the shared state: data that JSON can hold, from which
 * every form in which it is shown is made, and that can be replayed.
 */
export interface RaceTrace {
  readonly threads: readonly string[];
  /** What went wrong, in the explorer's words. */
  readonly message: string;
  /** What is shown beside the steps, as it was at first: values by names. */
  readonly initially: Readonly<Record<string, string>>;
  readonly steps: readonly RaceStep[];
  /** Switches away from a thread in the midst of a call that could have gone on. */
  readonly preemptions: number;
  /** No other interleaving that goes wrong so has fewer preemptions, nor as many and fewer steps. */
  readonly isShortest: boolean;
  /** In a livelock, the step to which the last one leads back; else null. The last step is the one that goes wrong. */
  readonly loopsTo: number | null;
}

/** What a thread does from one point at which others may come between to the next. */
export interface RaceStep {
  readonly thread: string;
  readonly call: CallName;
  /** The kernel function in which it begins. */
  readonly function: string;
  readonly object: string | null;
  /** What it begins with, and the outcome of a choice: how a replay finds it. */
  readonly what: string;
  readonly outcome: number;
  readonly isPreemption: boolean;
  readonly accesses: readonly RaceAccess[];
}

/** One access to shared state. */
export interface RaceAccess {
  readonly function: string;
  /** In words: `reads kvm->mmu_invalidate_seq = 4`, `takes kvm->mmu_lock`. */
  readonly does: string;
  /** What it reads of what is shown beside the steps. */
  readonly read?: { readonly name: string; readonly value: string };
  /** It is about something that is shown beside the steps, and that another thread changes or should have. */
  readonly matters: boolean;
  /** What is shown beside the steps and has another value now. */
  readonly changed: readonly WatchedChange[];
  /** What the kernel function decided then. */
  readonly decisions: readonly { readonly function: string; readonly text: string }[];
}

/** A counterexample of the explorer's as a trace of the scenario's. */
export function raceTraceOf(
  counterexample: Pick<
    Counterexample,
    "message" | "initially" | "steps" | "preemptions" | "isShortest" | "loopsTo"
  >,
  threads: Threads,
  isAboutLocks: boolean,
): RaceTrace {
  const { message, initially, steps, preemptions, isShortest, loopsTo } = counterexample;
  const contended = contendedPlaces(steps);
  const matters = ({ watched, kind, object, key }: TraceAccess) =>
    watched !== null
      ? isCounter(watched) || contended.has(placeOf({ object, key }))
      : isAboutLocks && WAITS.has(kind) && contended.has(placeOf({ object, key }));
  const now = new Map(Object.entries(initially));
  return {
    threads: threads.map(([name]) => name),
    message,
    initially,
    preemptions,
    isShortest,
    loopsTo,
    steps: steps.map((step) => raceStep(step, threads, matters, now)),
  };
}

function raceStep(
  { thread: index, call: at, fn, object, what, outcome, isPreemption, accesses }: TraceStep,
  threads: Threads,
  matters: (access: TraceAccess) => boolean,
  now: Map<string, string>,
): RaceStep {
  const [thread, calls] = threads[index]!;
  const { call } = calls[Math.min(at, calls.length - 1)]!;
  return {
    thread,
    call,
    function: kernelName(fn, call),
    object,
    what,
    outcome,
    isPreemption,
    accesses: accesses
      .filter(({ object: accessed }) => accessed !== null)
      .map((access) => {
        const read = readBy(access, now);
        for (const { name, after } of access.changed) {
          if (after === undefined) now.delete(name);
          else now.set(name, after);
        }
        return {
          function: kernelName(access.functions[0] ?? "", call),
          does: read === undefined ? inWords(access) : `${read.name} is ${read.value}`,
          ...(read === undefined ? {} : { read }),
          matters: matters(access),
          changed: access.changed,
          decisions: access.decisions.map(({ fn: by, text }) => ({ function: by, text })),
        };
      }),
  };
}

const WAITS: ReadonlySet<KindName> = new Set(["Acquire", "AcquireShared", "Wait"]);

function readBy({ kind, watched }: TraceAccess, now: ReadonlyMap<string, string>): RaceAccess["read"] {
  const value = watched === null || kind !== "Read" ? undefined : now.get(watched);
  return value === undefined ? undefined : { name: watched!, value };
}

/** Engines that do not show given names in a stack leave the call. */
function kernelName(fn: string, call: CallName): string {
  return /^[a-z_][a-z0-9_]*$/.test(fn) ? fn : call;
}

const VERBS: Readonly<Record<KindName, string>> = {
  Read: "reads",
  Write: "writes",
  Acquire: "takes",
  AcquireShared: "takes for reading",
  Release: "releases",
  Wait: "waits for",
  Create: "creates",
  Choose: "chooses",
};

function inWords({ kind, object, key, value, watched }: TraceAccess): string {
  const name = watched ?? (key === null ? object : `${object}[${key}]`);
  const shows = (kind === "Read" || kind === "Write") && watched === null && SCALARS.has(typeof value);
  return `${VERBS[kind]} ${name}${shows ? ` = ${value}` : ""}`;
}

const SCALARS: ReadonlySet<string> = new Set(["number", "string", "boolean"]);

/** What one thread writes, takes or sleeps on, and another one touches. */
function contendedPlaces(steps: readonly TraceStep[]): ReadonlySet<string> {
  const touches = new Map<string, Set<number>>();
  const writes = new Set<string>();
  for (const { thread, accesses } of steps) {
    for (const access of accesses) {
      const place = placeOf(access);
      touches.set(place, (touches.get(place) ?? new Set()).add(thread));
      if (access.kind !== "Read" && access.kind !== "AcquireShared") writes.add(place);
    }
  }
  const isContended = ([place, by]: [string, Set<number>]) => by.size > 1 && writes.has(place);
  return new Set([...touches].filter(isContended).map(([place]) => place));
}

const placeOf = ({ object, key }: Pick<TraceAccess, "object" | "key">) =>
  key === null ? `${object}` : `${object}[${key}]`;

/** As much of a trace as it takes to follow it, and to say which step no longer exists. */
export interface SavedRace extends Pick<RaceTrace, "threads" | "message" | "loopsTo"> {
  readonly steps: readonly (Pick<RaceStep, "thread" | "function" | "object" | "what" | "outcome"> & {
    /** To say where it differs. */
    readonly accesses?: readonly Pick<RaceAccess, "function" | "does">[] | undefined;
  })[];
}

/** What it takes to follow a trace on another version. */
export function replayableOf({ threads, message, loopsTo, steps }: SavedRace): Replayable {
  return {
    threads,
    message,
    loopsTo,
    steps: steps.map(({ thread, what, outcome }) => ({ thread: threads.indexOf(thread), what, outcome })),
  };
}

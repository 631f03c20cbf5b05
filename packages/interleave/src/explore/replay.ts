import type { Store } from "../store.js";
import type { Counterexample, TraceStep, Watch } from "./counterexample.js";
import { describe } from "./describe.js";
import { type Finding, judgeRest, judgeState, type Properties, type ViolationKind } from "./judge.js";
import { Program, type Thread } from "./program.js";
import { Recorder } from "./recorder.js";

/** As much of a {@link Counterexample} as it takes to follow it. */
export interface Replayable extends Pick<Counterexample, "message" | "threads" | "loopsTo"> {
  readonly steps: readonly Pick<TraceStep, "thread" | "outcome" | "what">[];
}

export interface ReplayOptions extends Properties {
  readonly watch?: Watch | undefined;
  /** Is what goes wrong now what the counterexample says? Default: only if the messages are equal. */
  readonly isSame?: (happened: string, message: string) => boolean;
}

/** What became of a counterexample on another version of its program. */
export interface Replay {
  /** Does it still go wrong in the same way? */
  readonly isReproduced: boolean;
  /** What goes wrong now; null if nothing does. */
  readonly happened: string | null;
  /** Of which kind that is; null if nothing goes wrong. */
  readonly kind: ViolationKind | null;
  /** What is watched, as it was at first. */
  readonly initially: Readonly<Record<string, string>>;
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
  counterexample: Replayable,
  options: ReplayOptions = {},
): Replay {
  const program = new Program(store, threads, false);
  try {
    return follow(program, counterexample, options);
  } finally {
    program.close();
  }
}

function follow(program: Program, counterexample: Replayable, options: ReplayOptions): Replay {
  const { steps, message, loopsTo } = counterexample;
  const recorder = new Recorder(program, options.watch);
  const stop = (i: number, why: string): Replay => ({
    isReproduced: false,
    happened: null,
    kind: null,
    sentence: `Step ${i + 1} no longer exists: ${why}.`,
    initially: recorder.initially,
    steps: recorder.steps,
    stoppedAt: i,
  });
  const end = (finding: Finding | null): Replay => {
    const happened = finding?.message;
    const { isSame = Object.is } = options;
    const isReproduced = happened !== undefined && isSame(happened, message);
    const before = happened === message ? "" : ` It had been: ${message}.`;
    const sentence =
      happened === undefined
        ? `All ${steps.length} steps can be made, and nothing goes wrong.`
        : `${isReproduced ? "Still happens" : "Goes wrong otherwise"}: ${happened}.${before}`;
    const { initially, steps: made } = recorder;
    return {
      isReproduced,
      happened: happened ?? null,
      kind: finding?.kind ?? null,
      sentence,
      initially,
      steps: made,
      stoppedAt: null,
    };
  };
  const failures = program.start();
  const failed = failures.find((failure) => failure.message === message) ?? failures[0];
  if (failed !== undefined) return end(failed);
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
    if (wrong !== null) return end(wrong);
  }
  if (before !== null && before[0] === program.lo && before[1] === program.hi)
    return end({ kind: "livelock", message });
  const wrong = judgeState(options) ?? (program.enabled() === 0 ? judgeRest(program, options) : null);
  return end(wrong);
}

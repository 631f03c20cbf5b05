import { replay } from "@kvmm/interleave";
import type { Scenario } from "../format/scenario.js";
import type { Violation } from "../model.js";
import { firstDifference, isSameFailure } from "../race/differences.js";
import { raceTraceOf, replayableOf, type SavedRace } from "../race/race-trace.js";
import { raceOf, violationOf } from "./concurrently.js";
import type { World } from "./world.js";

/** What became of the steps of a saved counterexample. */
export interface Followed {
  readonly isReproduced: boolean;
  /** The place of the first step that no longer exists, or can no longer be made; null if all could be. */
  readonly stoppedAt: number | null;
  /** In words. */
  readonly sentence: string;
  /** What goes wrong, with the steps as they are now; undefined if nothing does. */
  readonly violation?: Violation;
}

/**
 * Follows a saved counterexample on the threads of a scenario, from the state that its steps have left.
 * @throws NotModelled for a call that the model lacks
 */
export function followConcurrently(
  world: World,
  concurrently: NonNullable<Scenario["concurrently"]>,
  saved: SavedRace,
): Followed {
  const { entries, threads, check, atEnd, watch } = raceOf(world, concurrently);
  const { observer } = world.kvm;
  world.kvm.observer = null;
  const { isReproduced, stoppedAt, sentence, happened, kind, initially, steps } = replay(
    world.store,
    threads,
    replayableOf(saved),
    { check, atEnd, watch, isSame: isSameFailure },
  );
  world.kvm.observer = observer;
  const counterexample = {
    message: happened ?? saved.message,
    initially,
    steps,
    preemptions: steps.filter(({ isPreemption }) => isPreemption).length,
    isShortest: false,
    loopsTo: kind === "livelock" ? saved.loopsTo : null,
  };
  if (happened === null || kind === null) {
    const differs = firstDifference(saved, raceTraceOf(counterexample, entries, false).steps);
    return { isReproduced, stoppedAt, sentence: differs === "" ? sentence : `${sentence} ${differs}` };
  }
  const violation = violationOf({ kind, message: happened, counterexample }, entries);
  return { isReproduced, stoppedAt, sentence, violation };
}

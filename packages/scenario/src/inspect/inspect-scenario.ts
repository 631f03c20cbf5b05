import { NotModelled } from "@kvmm/mm-core";
import { ExpressionError } from "../format/expression.js";
import type { Scenario } from "../format/scenario.js";
import type { RunOptions } from "../model.js";
import { callStep } from "../run/call-step.js";
import { settingOf } from "../run/run-scenario.js";
import { World } from "../run/world.js";
import { type Change, changesSince } from "./changes.js";
import { type Bounded, type Snapshot, takeSnapshot } from "./snapshot.js";

/** The state after a step, and what the step changed to get there. */
export interface InspectedStep {
  readonly after: Snapshot;
  readonly changes: Bounded<Change>;
  /** What the names stand for after it. */
  readonly names: ReadonlyMap<string, bigint>;
}

/** What the machine looks like at the first step, and after each. */
export interface Inspection {
  readonly before: Snapshot;
  /** One for each step that could be made: all of them, unless the model lacks something. */
  readonly steps: readonly InspectedStep[];
}

/**
 * Makes the steps of a scenario as `runScenario` does, and keeps the state after each: for showing, stepping forwards and
 * back. Threads are not looked at.
 * @throws NotBuiltIn as `runScenario` does
 */
export function inspectScenario(scenario: Scenario, options: RunOptions = {}): Inspection | null {
  const { behaviour } = settingOf(scenario, options);
  const world = attempt(() => new World(scenario.machine, behaviour));
  if (world === LACKING) return null;
  const before = takeSnapshot(world);
  const steps: InspectedStep[] = [];
  for (const step of scenario.steps) {
    const mark = world.store.mark();
    const outcome = attempt(() =>
      callStep(world, world.task(step.task), step, (name) => world.names.get(name)),
    );
    if (outcome === LACKING) break;
    if (outcome.refusal === undefined && step.as !== undefined)
      world.give(step, outcome.value ?? 0n, outcome.task);
    const changes = changesSince(world.store, mark);
    world.store.commit();
    steps.push({ after: takeSnapshot(world), changes, names: new Map(world.names) });
  }
  return { before, steps };
}

const LACKING: unique symbol = Symbol("not modelled");

function attempt<T>(action: () => T): T | typeof LACKING {
  try {
    return action();
  } catch (error) {
    if (error instanceof NotModelled || error instanceof ExpressionError) return LACKING;
    throw error;
  }
}

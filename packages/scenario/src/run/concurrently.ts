import {
  type ExploredViolation,
  explore,
  type Shown,
  type Thread,
  type TraceAccess,
  type TraceStep,
} from "@kvmm/interleave";
import { NotModelled, Task } from "@kvmm/mm-core";
import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import type { Exploration, LaneStep, RunOptions, Violation } from "../model.js";
import { noPrivatePageInUserSpace } from "../properties/private-memory.js";
import { brokenSpeBuffer, lostSpeRecord, SPE_BUFFER_STAYS_MAPPED } from "../properties/spe-buffer.js";
import { bindings } from "./bindings.js";
import { callStep } from "./call-step.js";
import { coverageOf } from "./coverage.js";
import { staleStage2Mapping } from "./slot-mappings.js";
import type { World } from "./world.js";

/** Calls that carry a profile along, which no thread can go back in; of SPE, threads have spe_write. */
const STEPS_ONLY: ReadonlySet<string> = new Set(["spe_enable", "spe_run", "spe_disable"]);
/** States after which a search gives up, and says so, unless told otherwise. */
const MOST_STATES = 1_000_000;
/** States from one report of progress to the next. */
const STATES_A_REPORT = 500;

/** What a call of a thread came to: what later calls of the thread, and the search, can see of it. */
type Returned = readonly [errno: string, value: bigint, read: number, lostRecord: string];

/** What exploring the threads of a scenario found. */
export interface Explored {
  readonly exploration: Exploration;
  readonly violations: readonly Violation[];
}

/**
 * Explores every interleaving of the threads of a scenario, from the state that its steps have left.
 * @throws NotModelled for a call that the model lacks
 */
export function exploreConcurrently(
  world: World,
  concurrently: NonNullable<Scenario["concurrently"]>,
  { exploring = {}, seed, onStates }: Pick<RunOptions, "exploring" | "seed" | "onStates">,
): Explored {
  const entries = Object.entries(concurrently);
  for (const [, steps] of entries) {
    for (const { call } of steps) {
      if (bindings[call] === undefined || STEPS_ONLY.has(call)) throw new NotModelled(call);
    }
  }
  const { observer } = world.kvm;
  world.kvm.observer = null;
  const threads = entries.map(([name, steps], index) => threadOf(world, name, steps, index));
  let looked = 0;
  const result = explore(world.store, threads, {
    check: () => {
      looked++;
      if (looked % STATES_A_REPORT === 0) onStates?.(looked);
      return broken(world);
    },
    atEnd: (results) => brokenAtEnd(world, entries, results),
    method: exploring.walks === undefined ? "states" : "random",
    seed: seed ?? 0,
    bounds: { states: MOST_STATES, ...exploring },
  });
  world.kvm.observer = observer;
  return {
    exploration: {
      executions: result.finals,
      states: result.states,
      complete: result.exhaustive,
      covered: coverageOf(result, exploring, seed ?? 0),
      collision: result.collision,
    },
    violations: result.violations.map((violation) => violationOf(violation, entries)),
  };
}

/** The properties that hold in every state, and what is wrong with the present one. */
const PROPERTIES: readonly {
  readonly name: string;
  readonly broken: (world: World) => string | undefined;
}[] = [
  { name: "no stale stage-2 mapping", broken: staleStage2Mapping },
  { ...noPrivatePageInUserSpace, broken: ({ kvm, vmm }) => noPrivatePageInUserSpace.broken(kvm, vmm) },
  {
    name: "no kernel warning",
    broken: (world) => {
      const [first] = world.host.warnings.peek();
      return first === undefined ? undefined : `WARNING in ${first.fn}: ${first.text}`;
    },
  },
];

/** `PROPERTY: what is wrong`, for the first property that does not hold. */
function broken(world: World): string | undefined {
  for (const { name, broken: find } of PROPERTIES) {
    const text = find(world);
    if (text !== undefined) return `${name}: ${text}`;
  }
  return undefined;
}

/**
 * What is wrong once all threads are done. Where a thread is SPE, its records that met a fault count, judged by what
 * user space has asked for; elsewhere, whether the buffer is mapped in the end.
 */
function brokenAtEnd(
  world: World,
  threads: Threads,
  results: readonly (readonly unknown[])[],
): string | undefined {
  const writes = threads.some(([, steps]) => steps.some(({ call }) => call === "spe_write"));
  const text = writes
    ? (results as readonly (readonly Returned[])[])
        .flat()
        .map(([, , , record]) => (record === "" ? undefined : lostSpeRecord(world, record)))
        .find((lost) => lost !== undefined)
    : brokenSpeBuffer(world);
  return text === undefined ? undefined : `${SPE_BUFFER_STAYS_MAPPED}: ${text}`;
}

function threadOf(world: World, name: string, steps: readonly Step[], index: number): Thread {
  const { process, pid } = world.vmm;
  const task = new Task(process, name, pid + 1 + index, 0);
  const calls = steps.map((step) => (results: readonly unknown[]): Returned => {
    const own = (wanted: string): bigint | undefined => {
      const at = steps.findLastIndex((earlier, i) => i < results.length && earlier.as === wanted);
      return at < 0 ? undefined : (results[at] as Returned)[1];
    };
    const outcome = callStep(world, task, step, (wanted) => own(wanted) ?? world.names.get(wanted));
    const read = outcome.observation?.value;
    const lost = outcome.lostRecord ?? "";
    return [outcome.refusal?.errno ?? "", outcome.value ?? 0n, typeof read === "number" ? read : 0, lost];
  });
  return { name, calls };
}

type Threads = readonly (readonly [name: string, steps: readonly Step[]])[];

function violationOf({ kind, message, counterexample }: ExploredViolation, threads: Threads): Violation {
  const contended = contendedObjects(counterexample.steps);
  const interleaving = counterexample.steps
    .filter(
      ({ accesses }, i, { length }) =>
        i === length - 1 || accesses.some((access) => contended.has(placeOf(access))),
    )
    .map((step) => laneStep(step, threads, contended));
  switch (kind) {
    case "deadlock":
    case "lost wake-up":
      return { property: "no deadlock", text: message, interleaving };
    case "livelock":
      return { property: "no livelock", text: message, interleaving };
    case "error":
      return {
        property: USES_A_FREE_FRAME.test(message) ? "no use after free" : "no error of the kernel's",
        text: message,
        interleaving,
      };
    default: {
      const [property = "", ...text] = message.split(": ");
      return { property, text: text.join(": "), interleaving };
    }
  }
}

const USES_A_FREE_FRAME = / uses frame \d+, which is free$/;

/**
 * What one thread writes, takes or sleeps on, and another one touches: the steps that have to do with none of it could
 * be made in any order.
 */
function contendedObjects(steps: readonly TraceStep[]): ReadonlySet<string> {
  const touches = new Map<string, Set<number>>();
  const writes = new Set<string>();
  for (const { thread, accesses } of steps) {
    for (const access of accesses) {
      const place = placeOf(access);
      const by = touches.get(place) ?? new Set();
      touches.set(place, by.add(thread));
      if (access.kind !== "Read" && access.kind !== "AcquireShared") writes.add(place);
    }
  }
  return new Set(
    [...touches].filter(([place, by]) => by.size > 1 && writes.has(place)).map(([place]) => place),
  );
}

const placeOf = ({ object, key }: Pick<TraceAccess, "object" | "key">) =>
  key === null ? `${object}` : `${object}[${key}]`;

function laneStep(
  { thread: index, call: at, fn, what, changes }: TraceStep,
  threads: Threads,
  shownState: ReadonlySet<string>,
): LaneStep {
  const [thread, steps] = threads[index]!;
  const { call } = steps[Math.min(at, steps.length - 1)]!;
  const state = changes
    .map((change) => [placeOf(change), shown(change.after)] as const)
    .filter(([place]) => shownState.has(place));
  return { thread, call, fn: fn || call, text: what, state: Object.fromEntries(state) };
}

function shown(value: Shown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

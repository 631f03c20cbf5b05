import {
  type ExploredViolation,
  explore,
  nameFunctions,
  type Thread,
  type ViolationKind,
  type Watch,
} from "@kvmm/interleave";
import { NotModelled, Task } from "@kvmm/mm-core";
import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import type { Exploration, RunOptions, Violation } from "../model.js";
import { noOpenInvalidation } from "../properties/open-invalidation.js";
import { noPrivatePageInUserSpace } from "../properties/private-memory.js";
import { brokenSpeBuffer, lostSpeRecord, SPE_BUFFER_STAYS_MAPPED } from "../properties/spe-buffer.js";
import { raceTraceOf, type Threads } from "../race/race-trace.js";
import { watchOf } from "../race/watch.js";
import { whyOf } from "../race/why.js";
import { bindings } from "./bindings.js";
import { argumentsOf, makeCall } from "./call-step.js";
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
  const { entries, threads, check, atEnd, watch } = raceOf(world, concurrently);
  const { observer } = world.kvm;
  world.kvm.observer = null;
  let looked = 0;
  const result = explore(world.store, threads, {
    check: () => {
      looked++;
      if (looked % STATES_A_REPORT === 0) onStates?.(looked);
      return check();
    },
    atEnd,
    watch,
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

/** The threads of a scenario as programs, what should hold of them, and what is shown beside their steps. */
interface Race {
  readonly entries: Threads;
  readonly threads: readonly Thread[];
  readonly check: () => string | undefined;
  readonly atEnd: (results: readonly (readonly unknown[])[]) => string | undefined;
  readonly watch: Watch;
}

/** @throws NotModelled for a call that the model lacks */
export function raceOf(world: World, concurrently: NonNullable<Scenario["concurrently"]>): Race {
  const entries = Object.entries(concurrently);
  for (const [, steps] of entries) {
    for (const { call } of steps) {
      if (bindings[call] === undefined || STEPS_ONLY.has(call)) throw new NotModelled(call);
    }
  }
  return {
    entries,
    threads: entries.map(([name, steps], index) => threadOf(world, name, steps, index)),
    check: () => broken(world),
    atEnd: (results) => brokenAtEnd(world, entries, results),
    watch: watchOf(world),
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
 * What is wrong once all threads are done: an invalidation has not ended. Where a thread is SPE, its records that met a fault count, judged by what
 * user space has asked for; elsewhere, whether the buffer is mapped in the end.
 */
function brokenAtEnd(
  world: World,
  threads: Threads,
  results: readonly (readonly unknown[])[],
): string | undefined {
  const open = noOpenInvalidation.broken(world.kvm, world.vmm);
  if (open !== undefined) return `${noOpenInvalidation.name}: ${open}`;
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
  /** A path is run many times; what its arguments are depends on what earlier calls of the thread have returned only. */
  const isNamed = steps.some(({ as }) => as !== undefined);
  const known = new Map<Step, unknown>();
  const argumentsFor = (step: Step, own: (wanted: string) => bigint | undefined): unknown => {
    if (!isNamed && known.has(step)) return known.get(step);
    const args = argumentsOf(step, (wanted) => own(wanted) ?? world.names.get(wanted));
    known.set(step, args);
    return args;
  };
  const calls = steps.map((step) => {
    const call = (results: readonly unknown[]) => returned(step, results);
    nameFunctions({ [step.call]: call });
    return call;
  });
  const returned = (step: Step, results: readonly unknown[]): Returned => {
    const own = (wanted: string): bigint | undefined => {
      const at = steps.findLastIndex((earlier, i) => i < results.length && earlier.as === wanted);
      return at < 0 ? undefined : (results[at] as Returned)[1];
    };
    const outcome = makeCall(world, task, step, argumentsFor(step, own));
    const read = outcome.observation?.value;
    const lost = outcome.lostRecord ?? "";
    return [outcome.refusal?.errno ?? "", outcome.value ?? 0n, typeof read === "number" ? read : 0, lost];
  };
  return { name, calls };
}

/** What was found as a violation of a property, with its steps as a trace. */
export function violationOf({ kind, message, counterexample }: Found, threads: Threads): Violation {
  const property = propertyOf(kind, message);
  const text = kind === "check" ? message.slice(property.length + 2) : message;
  const race = raceTraceOf(counterexample, threads, LOCK_KINDS.has(kind));
  return { property, text, why: whyOf(race, kind), race };
}

/** What raceTraceOf and the names of properties need of a finding. */
type Found = Pick<ExploredViolation, "kind" | "message"> & {
  readonly counterexample: Parameters<typeof raceTraceOf>[0];
};

const LOCK_KINDS: ReadonlySet<ViolationKind> = new Set(["deadlock", "lost wake-up", "livelock"]);

function propertyOf(kind: ViolationKind, message: string): string {
  switch (kind) {
    case "deadlock":
    case "lost wake-up":
      return "no deadlock";
    case "livelock":
      return "no livelock";
    case "error":
      return USES_WHAT_IS_FREE.test(message) ? "no use after free" : "no error of the kernel's";
    case "check":
      return message.split(": ")[0]!;
  }
}

const USES_WHAT_IS_FREE = / uses (?:pfn 0x[0-9a-f]+|slot \d+), which is free$/;

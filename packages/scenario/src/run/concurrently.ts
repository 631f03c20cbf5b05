import { type SearchResult, search, type Thread } from "@kvmm/interleave";
import { NotModelled, Task } from "@kvmm/mm-core";
import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import type { Exploration, LaneStep, Violation } from "../model.js";
import { noPrivatePageInUserSpace } from "../properties/private-memory.js";
import { bindings } from "./bindings.js";
import { callStep } from "./call-step.js";
import { staleStage2Mapping } from "./slot-mappings.js";
import type { World } from "./world.js";

/** States after which a search gives up, and says so. */
const MOST_STATES = 200_000;

/** What a call of a thread came to: what later calls of the thread, and the search, can see of it. */
type Returned = readonly [errno: string, value: bigint, read: number];

/** What exploring the threads of a scenario found. */
export interface Explored {
  readonly exploration: Exploration;
  readonly violations: readonly Violation[];
}

/**
 * Explores every interleaving of the threads of a scenario, from the state that its steps have left.
 * @throws NotModelled for a call that the model lacks
 */
export function exploreConcurrently(world: World, concurrently: NonNullable<Scenario["concurrently"]>): Explored {
  const entries = Object.entries(concurrently);
  for (const [, steps] of entries) {
    for (const { call } of steps) if (bindings[call] === undefined) throw new NotModelled(call);
  }
  const { observer } = world.kvm;
  world.kvm.observer = null;
  const threads = entries.map(([name, steps], index) => threadOf(world, name, steps, index));
  const result = search(world.store, threads, { check: () => broken(world), maxStates: MOST_STATES });
  world.kvm.observer = observer;
  return { exploration: explorationOf(result), violations: result.violations.map((violation) => violationOf(violation, entries)) };
}

/** The properties that hold in every state, and what is wrong with the present one. */
const PROPERTIES: readonly { readonly name: string; readonly broken: (world: World) => string | undefined }[] = [
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
    return [outcome.refusal?.errno ?? "", outcome.value ?? 0n, typeof read === "number" ? read : 0];
  });
  return { name, calls };
}

function explorationOf(result: SearchResult): Exploration {
  return { executions: result.finals, states: result.states, complete: result.exhaustive };
}

function violationOf(violation: SearchResult["violations"][number], entries: readonly (readonly [string, readonly Step[]])[]): Violation {
  const interleaving = violation.steps.map((step): LaneStep => {
    const steps = entries.find(([name]) => name === step.thread)![1];
    const call = steps[Math.min(step.call, steps.length - 1)]!.call;
    return { thread: step.thread, call, fn: call, text: step.what, state: {} };
  });
  if (violation.kind === "deadlock") return { property: "no deadlock", text: violation.message, interleaving };
  if (/ uses frame \d+, which is free$/.test(violation.message)) {
    return { property: "no use after free", text: violation.message, interleaving };
  }
  if (violation.kind === "error") return { property: "no error of the kernel's", text: violation.message, interleaving };
  const [property = "", ...text] = violation.message.split(": ");
  return { property, text: text.join(": "), interleaving };
}

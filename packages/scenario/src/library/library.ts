import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";
import { guestAfterwards, type MemoryKind, memoryKind, memoryKinds, touchedByHost } from "./memory-kinds.js";
import { type NumaPolicy, numaPolicies } from "./numa-policies.js";
import type { Operation } from "./operations/operation.js";
import { operations } from "./operations/operations.js";

/** A scenario that is built in: what reviews run. */
export interface LibraryScenario {
  /** `munmap-all@gmem` */
  readonly name: string;
  /** The id of the recordings that do the same, where there are any. */
  readonly recordedAs: string;
  readonly title: string;
  /** What it is about, in a few sentences. */
  readonly about: string;
  /** Where it comes from: a bug's commit, a mail, a question. */
  readonly origin: string;
  readonly scenario: Scenario;
  /** The steps that are the operation itself: before them the memory is set up, after them the guest uses it. */
  readonly operation: { readonly first: number; readonly end: number };
  /** For a row and a column of a table. */
  readonly memory: MemoryKind;
  readonly does:
    | { readonly kind: "operation"; readonly operation: Operation }
    | { readonly kind: "numa"; readonly policy: NumaPolicy };
}

type Described = Omit<LibraryScenario, "scenario" | "operation">;

function make(described: Described, setUp: readonly Step[], steps: readonly Step[]): LibraryScenario {
  const first = setUp.length;
  return {
    ...described,
    scenario: {
      title: described.title,
      machine: { nodes: 2 },
      steps: [...setUp, ...steps, ...guestAfterwards(described.memory)],
    },
    operation: { first, end: first + steps.length },
  };
}

function operationScenarios(): LibraryScenario[] {
  return operations.flatMap((operation) =>
    memoryKinds.flatMap((memory) => {
      const steps = operation.steps(memory);
      if (steps === undefined) return [];
      const title = `${operation.title}: ${memory.label}`;
      const about = `A ${memory.pages}-page slot over ${memory.label} memory, used by the guest; then ${operation.title}; then the guest reads and writes it again.`;
      const origin = "the RFC's question: which host operations reach a slot's stage 2?";
      const name = `${operation.name}@${memory.name}`;
      const does = { kind: "operation", operation } as const;
      const setUp = operation.hostTouchesFirst === true ? touchedByHost(memory) : memory.setUp;
      return [make({ name, recordedAs: name, title, about, origin, memory, does }, setUp, steps)];
    }),
  );
}

function numaScenarios(): LibraryScenario[] {
  const memory = memoryKind("gmem");
  return numaPolicies.map((policy) => {
    const title = `NUMA balancing: policy of the file ${policy.ofFile}, of the task ${policy.ofTask}${policy.mode === 1 ? "" : `, numa_balancing=${policy.mode}`}`;
    const about =
      "A guest_memfd-only slot that the VMM has mapped and touched, while automatic NUMA balancing scans.";
    const origin =
      'the RFC: "automatic NUMA balancing with a non-NULL NUMA policy ... I wasn\'t able to test it"';
    const balance: Step = {
      call: "numa_balancing",
      args: { mode: policy.mode, toucher: ["host"], ms: 3000 },
    };
    const steps = [...policy.steps, balance];
    const name = `numa-policy-${policy.name}@${memory.name}`;
    const recordedAs = `numa-${policy.name}-host@${memory.name}`;
    return make(
      { name, recordedAs, title, about, origin, memory, does: { kind: "numa", policy } },
      memory.setUp,
      steps,
    );
  });
}

/** Every operation on every kind of memory: what `kvmm matrix` runs. */
export const hostOperations: readonly LibraryScenario[] = operationScenarios();

const reviewed = ({ does, memory }: LibraryScenario) =>
  does.kind === "operation" && does.operation.inReviews && memory.inReviews;

/** The built-in scenarios, in the order in which reviews run them. */
export const library: readonly LibraryScenario[] = [...hostOperations.filter(reviewed), ...numaScenarios()];

import type { Exploration, ExploreOptions } from "../exploration.js";
import { explore } from "../explore.js";
import { replay } from "../replay.js";
import { bruteForce, type Everything } from "./brute-force.js";
import { build, type Op, type RandomProgram } from "./random-program.js";

/** What the programs were that were compared, to see that none of it was left out by chance. */
export class Met {
  programs = 0;
  /** Programs of too many states for brute force. */
  tooLarge = 0;
  states = 0;
  /** Compared by traces too: not those whose loops have no end. */
  traced = 0;
  replayed = 0;
  /** Programs without a violation, and with each kind. */
  clean = 0;
  deadlocked = 0;
  lost = 0;
  failing = 0;
  livelocked = 0;
  /** States with the reductions and without; of those compared thoroughly. */
  readonly saved = { states: 0, statesWithout: 0 };
  /** In how many programs each operation occurs. */
  readonly operations = new Map<Op["op"], number>();

  add(program: RandomProgram, { violations, livelocks, states }: Everything): void {
    this.programs++;
    this.states += states;
    const all = [...violations];
    const has = (kind: string) => all.some((text) => text.startsWith(kind));
    if (has("deadlock")) this.deadlocked++;
    if (has("lost wake-up")) this.lost++;
    if (has("error")) this.failing++;
    if (livelocks.size > 0) this.livelocked++;
    if (all.length === 0 && livelocks.size === 0) this.clean++;
    for (const op of new Set(program.flat(2).map(({ op }) => op))) {
      this.operations.set(op, (this.operations.get(op) ?? 0) + 1);
    }
  }
}

/** How deep and how many traces are followed before a program is left to the other searches. */
const TRACES: ExploreOptions = { method: "traces", bounds: { depth: 60, traces: 5000 } };

/**
 * Compares the explorer with brute force on one program: final states, violations, livelocks; both methods, and without
 * fusing, where all states have to be there.
 * @param thoroughly also without sleep sets, without any reduction, and replaying what is found
 * @throws Error that says what differs
 */
export function agree(program: RandomProgram, maxStates: number, thoroughly: boolean, met: Met): void {
  const { store, threads, final } = build(program);
  const everything = bruteForce(store, threads, final, maxStates);
  if (everything === null) {
    met.tooLarge++;
    return;
  }
  met.add(program, everything);
  const reduced = compare(program, everything, {});
  // A program that fails before its first step has no states.
  const { states } = compare(program, everything, { fuse: false });
  if (everything.states > 0) same("states without fusing", states, everything.states);
  if (compare(program, everything, TRACES).boundsHit.length === 0) met.traced++;
  if (!thoroughly) return;
  compare(program, everything, { sleepSets: false });
  const plain = compare(program, everything, { sleepSets: false, fuse: false, remember: false });
  if (everything.states > 0) same("states without any reduction", plain.states, everything.states);
  met.saved.states += reduced.states;
  met.saved.statesWithout += plain.states;
  for (const { kind, counterexample } of explore(store, threads).violations) {
    const { isReproduced, sentence } = replay(store, threads, counterexample);
    same(`the replay of a ${kind}: ${sentence}`, isReproduced, true);
    met.replayed++;
  }
}

function compare(program: RandomProgram, everything: Everything, options: ExploreOptions): Exploration {
  const { store, threads, final } = build(program);
  const finals = new Set<string>();
  const result = withoutStacks(() =>
    explore(store, threads, {
      ...options,
      stopAtFirst: false,
      minimize: false,
      atEnd: (results) => {
        finals.add(`${final()} ${JSON.stringify(results)}`);
        return undefined;
      },
    }),
  );
  if (result.boundsHit.length > 0) return result;
  const violations = new Set<string>();
  const livelocks: number[] = [];
  for (const { kind, message } of result.violations) {
    if (kind === "livelock") livelocks.push(threadsIn(message));
    else violations.add(`${kind}: ${message}`);
  }
  const how = JSON.stringify(options);
  same(`final states, ${how}`, listed(finals), listed(everything.finals));
  same(`violations, ${how}`, listed(violations), listed(everything.violations));
  same(`is there a livelock, ${how}`, livelocks.length > 0, everything.livelocks.size > 0);
  for (const set of livelocks) same(`livelock of ${set}, ${how}`, everything.livelocks.has(set), true);
  return result;
}

/** Counterexamples are not compared, and looking for their functions in stacks costs most. */
function withoutStacks<T>(run: () => T): T {
  const { stackTraceLimit } = Error as { stackTraceLimit?: number };
  Reflect.set(Error, "stackTraceLimit", 0);
  try {
    return run();
  } finally {
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
  }
}

function threadsIn(message: string): number {
  return [...message.matchAll(/T(\d)/g)].reduce((set, [, n]) => set | (1 << (Number(n) - 1)), 0);
}

function listed(set: ReadonlySet<string>): string {
  return [...set].sort().join("\n");
}

function same<T>(what: string, found: T, expected: T): void {
  if (found !== expected) throw new Error(`${what}: found\n${found}\nwhere there is\n${expected}`);
}

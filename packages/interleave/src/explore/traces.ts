import type { Access } from "../access.js";
import { Kind } from "../shared-object.js";
import { Srcu } from "../srcu.js";
import { type Finding, judgeRest, judgeState, type Properties } from "./judge.js";
import type { Limits } from "./limits.js";
import { goesRound } from "./livelock.js";
import type { Program } from "./program.js";
import type { PathStep } from "./shortest.js";

export interface TracesOptions extends Properties {
  readonly limits: Limits;
  readonly maxTraces: number;
  readonly depth: number;
  readonly onFinding: (finding: Finding, last: PathStep | null, loop: readonly PathStep[]) => boolean;
}

/** A step of the present execution. */
interface Event {
  readonly task: number;
  readonly outcome: number;
  readonly footprint: number;
  /** For each task, one more than the index of its last event that happens before this one or is it. */
  readonly clock: Int32Array;
  /** The key of the place that it started from. */
  readonly from: number;
  readonly call: number;
  /** It failed: its task is dead, and the store as before. */
  readonly isFailure: boolean;
}

/** The state before an event. */
interface Node {
  /** The program's path there. */
  readonly length: number;
  readonly enabled: number;
  /** Tasks of which it is known that one of their steps has to be tried from here. */
  backtrack: number;
  sleep: number;
  /** What the steps of sleeping tasks access, by task. */
  readonly footprints: Int32Array;
  /** The task that is being moved, or -1, and its next outcome. */
  task: number;
  outcome: number;
  /** Tasks that have failed, and tasks that go round in vain. */
  dead: number;
  spinning: number;
}

/**
 * Stateless exploration of one interleaving of each class of equivalent ones, by source-set dynamic partial-order
 * reduction (Abdulla, Aronis, Jonsson, Sagonas, Source Sets, JACM 2017, algorithm 1) with sleep sets: no class is
 * completed twice. Added to it:
 * - Waiting: the step before which a task is stuck races with what has made it stuck, although it is never made.
 * - Choices: a task that is moved is moved with every outcome; it sleeps with the accesses of all of them.
 * - Loops that only wait: a task that has come back to where it was, and only read (or locked and unlocked), is not
 *   moved again in this execution. What lets it through is a race with what it read, which is reversed.
 * - Failures end what is reported, but the other tasks go on, for the races.
 */
export class TraceSearch {
  traces = 0;
  finals = 0;
  isComplete = true;

  readonly #width: number;
  readonly #events: Event[] = [];
  readonly #nodes: Node[] = [];
  /** Is a footprint without a lasting effect? By number; undefined where it was not asked. */
  readonly #pure: (boolean | undefined)[] = [];
  #isStopped = false;

  constructor(
    private readonly program: Program,
    private readonly options: TracesOptions,
  ) {
    this.#width = program.tasks.length;
  }

  run(): void {
    const { program, options } = this;
    this.#arrive(null, 0, 0, 0);
    for (let node = this.#nodes.at(-1); node !== undefined && !this.#isStopped; node = this.#nodes.at(-1)) {
      program.unwind(node.length);
      this.#events.length = this.#nodes.length - 1;
      if (node.task < 0) {
        const todo = node.backtrack & ~node.sleep;
        if (todo === 0) {
          this.#nodes.pop();
          continue;
        }
        node.task = 31 - Math.clz32(todo & -todo);
        node.outcome = 0;
        node.footprints[node.task] = 0;
      }
      this.#step(node);
      if (options.limits.isLate()) this.#stop();
    }
    program.unwind(0);
  }

  #step(node: Node): void {
    const { program } = this;
    const { task } = node;
    const { footprints } = program;
    const outcome = node.outcome++;
    const isLast = node.outcome === program.outcomes(task);
    const place = program.places[task]!;
    const { footprint, failure, to } = program.step(task, outcome);
    node.footprints[task] = footprints.union(node.footprints[task]!, footprint);
    const clock = this.#race(task, footprint);
    const index = this.#events.length;
    clock[task] = index + 1;
    this.#events.push({
      task,
      outcome,
      footprint,
      clock,
      from: place.key,
      call: place.call,
      isFailure: failure !== null,
    });
    const bit = 1 << task;
    let { dead, spinning } = node;
    if (failure !== null) {
      if (!this.#followsFailure(clock, index)) this.#report(failure, { task, outcome });
      dead |= bit;
    } else if (this.#roundBegins(task, to!.key, to!.call) >= 0) spinning |= bit;
    let sleep = 0;
    for (let rest = node.sleep & ~bit; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      if (footprints.areIndependent(node.footprints[t]!, footprint)) sleep |= 1 << t;
    }
    this.#arrive(node, sleep, dead, spinning);
    if (isLast) {
      node.sleep |= bit;
      node.task = -1;
    }
  }

  #arrive(parent: Node | null, sleep: number, dead: number, spinning: number): void {
    const { program, options } = this;
    if (dead === 0) {
      const wrong = judgeState(options);
      if (wrong !== null) {
        this.#report(wrong, null);
        return;
      }
    }
    const able = program.enabled();
    const enabled = able & ~dead & ~spinning;
    const depth = this.#events.length;
    for (let t = 0; t < this.#width; t++) {
      const { pending } = program.places[t]!;
      if (pending === null || ((able | dead | spinning) & (1 << t)) !== 0) continue;
      const footprint = program.footprints.number([pending]);
      const last = this.#events[depth - 1];
      if (
        last === undefined ||
        last.task === t ||
        !program.footprints.areIndependent(last.footprint, footprint)
      ) {
        this.#race(t, footprint);
      }
    }
    if (enabled === 0) {
      this.#end(dead, spinning);
      return;
    }
    const awake = enabled & ~sleep;
    if (awake === 0) return;
    if (depth >= options.depth) {
      options.limits.hit.add("depth");
      this.isComplete = false;
      return;
    }
    const footprints = parent === null ? new Int32Array(this.#width) : parent.footprints.slice();
    const node: Node = {
      length: program.path.length,
      enabled,
      backtrack: awake & -awake,
      sleep,
      footprints,
      task: -1,
      outcome: 0,
      dead,
      spinning,
    };
    this.#nodes.push(node);
  }

  /**
   * Finds the earlier events with which a step of a task is in a race, and sees to it that each race is reversed.
   * @returns the clock of the step
   */
  #race(task: number, footprint: number): Int32Array {
    const events = this.#events;
    const { footprints } = this.program;
    const clock = new Int32Array(this.#width);
    for (let j = events.length - 1; j >= 0; j--) {
      const event = events[j]!;
      if (event.task === task) {
        join(clock, event.clock);
        break;
      }
    }
    const races: number[] = [];
    for (let j = events.length - 1; j >= 0; j--) {
      const event = events[j]!;
      if (clock[event.task]! > j || footprints.areIndependent(event.footprint, footprint)) continue;
      races.push(j);
      join(clock, event.clock);
    }
    for (const j of races) this.#reverse(j, task, footprint, clock);
    return clock;
  }

  /** Sees to it that the step is also made before event `j`. */
  #reverse(j: number, task: number, footprint: number, clock: Int32Array): void {
    const events = this.#events;
    const { footprints } = this.program;
    const node = this.#nodes[j]!;
    const tasks = events[j]!.task;
    // What need not follow the event, in order, and then the step: who can begin that?
    const first = new Int32Array(this.#width).fill(-1);
    let initials = 0;
    let isHelped = false;
    const begins = (t: number, at: Int32Array): boolean => {
      if (first[t]! >= 0) return false;
      for (let u = 0; u < this.#width; u++) if (first[u]! >= 0 && at[u]! > first[u]!) return false;
      return true;
    };
    for (let k = j + 1; k < events.length; k++) {
      const event = events[k]!;
      if (event.clock[tasks]! > j) continue;
      if (begins(event.task, event.clock)) initials |= 1 << event.task;
      if (first[event.task]! < 0) first[event.task] = k;
      if (event.task === task || !footprints.areIndependent(event.footprint, footprint)) isHelped = true;
    }
    if (begins(task, clock)) initials |= 1 << task;
    // It cannot be made before the event, and nothing else would let it be.
    if (!isHelped && (node.enabled & (1 << task)) === 0) return;
    if ((initials & (node.backtrack | node.sleep)) !== 0) return;
    const able = initials & node.enabled;
    if (able !== 0) node.backtrack |= (able & (1 << task)) !== 0 ? 1 << task : able & -able;
  }

  /** An execution has come to its end. */
  #end(dead: number, spinning: number): void {
    const { program, options } = this;
    if (spinning !== 0) {
      // What it waits for has happened, or may have: then another execution has it see that.
      if (!this.#isSpinningForEver(spinning)) return;
    }
    if (++this.traces >= options.maxTraces) {
      options.limits.hit.add("traces");
      this.#stop();
    }
    if (dead !== 0) return;
    if (spinning !== 0) {
      const rounds = this.#rounds(spinning);
      if (rounds === null) return;
      const names = program.tasks.filter((_, t) => (spinning & (1 << t)) !== 0).map(({ name }) => name);
      if (!options.onFinding({ kind: "livelock", message: goesRound(names) }, null, rounds)) this.#stop();
      return;
    }
    if (program.isDone()) this.finals++;
    const finding = judgeRest(program, options);
    if (finding !== null) this.#report(finding, null);
  }

  /** Has nothing changed since that the tasks have read in their last rounds? */
  #isSpinningForEver(spinning: number): boolean {
    const events = this.#events;
    const { footprints, places } = this.program;
    for (let rest = spinning; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      const { key, call } = places[t]!;
      for (let i = this.#roundBegins(t, key, call); i < events.length; i++) {
        if (events[i]!.task !== t) continue;
        for (let k = i + 1; k < events.length; k++) {
          const { task, footprint } = events[k]!;
          if (task === t || this.#isPure(footprint)) continue;
          if (!footprints.areIndependent(footprint, events[i]!.footprint)) return false;
        }
      }
    }
    return true;
  }

  /** The rounds that the tasks make for ever, one after the other; null if they let somebody else move meanwhile. */
  #rounds(spinning: number): readonly PathStep[] | null {
    const { program } = this;
    const length = program.path.length;
    const steps: PathStep[] = [];
    let isAlone = true;
    for (let rest = spinning; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      const { key, call } = program.places[t]!;
      const begin = this.#roundBegins(t, key, call);
      for (const { task, outcome } of this.#events.slice(begin)) {
        if (task !== t) continue;
        if (!program.isEnabled(t) || program.step(t, outcome).failure !== null) isAlone = false;
        if (!isAlone) break;
        steps.push({ task, outcome });
        if ((program.enabled() & ~spinning) !== 0) isAlone = false;
      }
    }
    program.unwind(length);
    return isAlone ? steps : null;
  }

  /**
   * Where the round of a task began that has just led it back to a place, if the round had no lasting effect: the index
   * of its first event. Negative if there was none.
   */
  #roundBegins(task: number, key: number, call: number): number {
    const events = this.#events;
    for (let i = events.length - 1; i >= 0; i--) {
      const event = events[i]!;
      if (event.task !== task) continue;
      if (event.call !== call || !this.#isPure(event.footprint)) return -1;
      if (event.from === key) return i;
    }
    return -1;
  }

  #isPure(footprint: number): boolean {
    let pure = this.#pure[footprint];
    if (pure === undefined) {
      pure = this.program.footprints.accesses(footprint).every(isPure);
      this.#pure[footprint] = pure;
    }
    return pure;
  }

  /** Is there a failure before this event, and not just beside it? Then it would not have happened. */
  #followsFailure(clock: Int32Array, index: number): boolean {
    return this.#events.some(({ isFailure, task }, k) => isFailure && k < index && clock[task]! > k);
  }

  #report(finding: Finding, last: PathStep | null): void {
    if (!this.options.onFinding(finding, last, [])) this.#stop();
  }

  #stop(): void {
    this.#isStopped = true;
    this.isComplete = false;
  }
}

function join(into: Int32Array, other: Int32Array): void {
  for (let t = 0; t < into.length; t++) if (other[t]! > into[t]!) into[t] = other[t]!;
}

/** Does it only look, or take what it gives back? */
function isPure({ object, kind }: Access): boolean {
  switch (kind) {
    case Kind.Read:
    case Kind.Acquire:
    case Kind.AcquireShared:
    case Kind.Release:
      return true;
    case Kind.Wait:
      return object !== null;
    default:
      return object instanceof Srcu;
  }
}

import { mix } from "../hash.js";
import { type Finding, judgeRest, judgeState, nameOf, type Properties } from "./judge.js";
import type { Limits } from "./limits.js";
import type { Program } from "./program.js";
import { Visited } from "./visited.js";

/** One step of a path. */
export interface PathStep {
  readonly task: number;
  readonly outcome: number;
}

export interface ShortestOptions extends Properties {
  readonly limits: Limits;
  readonly maxStates: number;
  readonly maxPreemptions: number;
  /** What is looked for: beyond the nearest finding of which this is true, nothing is. Default: everything is. */
  readonly nearest?: (finding: Finding) => boolean;
  /**
   * Called in the order of preemptions, then steps, each finding once.
   * @param isShortest unless the search was cut short before it could be sure
   * @returns whether to go on
   */
  readonly onFinding: (finding: Finding, path: readonly PathStep[], isShortest: boolean) => boolean;
}

/** A step that is a preemption, from a state that was visited. */
interface Preemption {
  readonly node: number;
  readonly task: number;
  readonly outcome: number;
}

interface Found {
  readonly finding: Finding;
  readonly path: readonly PathStep[];
}

/** Low bits of a move: the task. The rest is the outcome. */
const TASK_BITS = 5;
/** Low bits of what is stored with a state: the fewest steps to it so far. The rest is the preemptions. */
const STEP_BITS = 23;
const MOST_STORED = 0xff;

/**
 * Visits states in the order of the preemptions that it takes to get there, without any reduction (Musuvathi and
 * Qadeer, Iterative context bounding, 2007). A preemption is a switch away from a task in the midst of a call that
 * could have gone on. A state counts together with the task that moved last, since that decides what a preemption is.
 * With as many preemptions the search is depth first, which saves the ways back and forth, and visits a state again
 * when it gets there in fewer steps: rarely, since a state tells how far each task has come.
 */
export class ShortestSearch {
  readonly #visited = new Visited();
  /** Whoever moved last: 1 for those with which something is wrong. */
  readonly #states = new Visited();
  finals = 0;
  /** Was everything visited, whatever the preemptions? */
  isComplete = true;

  /** How each visited state was reached: from which other one, by which move. */
  #parents = new Int32Array(1024);
  #moves = new Int32Array(1024);
  #nodes = 0;
  #preemptions = 0;
  #next: Preemption[] = [];
  /** What was found with the present number of preemptions, by name. */
  readonly #found = new Map<string, Found>();
  readonly #reported = new Set<string>();
  /** The steps to the nearest finding that is looked for. */
  #nearest = Number.POSITIVE_INFINITY;
  #isStopped = false;

  // Of each state on the present path from where the depth-first search began:
  readonly #node: number[] = [];
  readonly #length: number[] = [];
  readonly #todo: number[] = [];
  readonly #outcome: number[] = [];

  constructor(
    private readonly program: Program,
    private readonly options: ShortestOptions,
  ) {}

  /** How many states were visited, whoever moved last. */
  get states(): number {
    return this.#states.size;
  }

  run(): void {
    const { options, program } = this;
    this.#arrive(-1, 0);
    this.#descend();
    for (;;) {
      this.#report();
      if (this.#isStopped || this.#next.length === 0) break;
      if (this.#preemptions === options.maxPreemptions) {
        options.limits.hit.add("preemptions");
        this.isComplete = false;
        break;
      }
      this.#preemptions++;
      const starts = this.#next;
      this.#next = [];
      for (const { node, task, outcome } of starts) {
        this.#goTo(node);
        this.#move(node, task, outcome);
        this.#descend();
        if (this.#isStopped) break;
      }
    }
    program.unwind(0);
  }

  /** Depth first from the state that was arrived at, unless it was known. */
  #descend(): void {
    const { program, options } = this;
    for (let d = this.#node.length - 1; d >= 0 && !this.#isStopped; d = this.#node.length - 1) {
      program.unwind(this.#length[d]!);
      const todo = this.#todo[d]!;
      if (todo === 0) {
        this.#node.pop();
        this.#length.pop();
        this.#todo.pop();
        this.#outcome.pop();
        continue;
      }
      const task = 31 - Math.clz32(todo & -todo);
      const outcome = this.#outcome[d]!;
      const isLast = outcome + 1 === program.outcomes(task);
      this.#outcome[d] = isLast ? 0 : outcome + 1;
      if (isLast) this.#todo[d] = todo & (todo - 1);
      this.#move(this.#node[d]!, task, outcome);
      if (options.limits.isLate()) this.#stop();
    }
    this.#node.length = this.#length.length = this.#todo.length = this.#outcome.length = 0;
  }

  #move(node: number, task: number, outcome: number): void {
    const { program } = this;
    const { failure } = program.step(task, outcome);
    if (failure === null) this.#arrive(node, (outcome << TASK_BITS) | task);
    else this.#find(failure, [...this.#path(), { task, outcome }]);
  }

  #arrive(from: number, move: number): void {
    const { program, options } = this;
    const steps = program.path.length;
    const last = from < 0 ? -1 : move & ((1 << TASK_BITS) - 1);
    if (!this.#isNearer(mix(program.lo, last), mix(program.hi, ~last), steps)) return;
    const enabled = program.enabled();
    const wrong = this.#judge(enabled);
    if (wrong !== null) {
      this.#find(wrong, this.#path());
      return;
    }
    // Whatever goes wrong from here on takes another step.
    if (steps + 1 >= this.#nearest) return;
    const node = this.#add(from, move);
    const goesOn = last >= 0 && program.isMidway(last) ? enabled & (1 << last) : enabled;
    for (let rest = enabled & ~goesOn; rest !== 0; rest &= rest - 1) {
      const task = 31 - Math.clz32(rest & -rest);
      for (let outcome = 0; outcome < program.outcomes(task); outcome++) {
        this.#next.push({ node, task, outcome });
      }
    }
    if (goesOn === 0) return;
    if (this.#visited.size > options.maxStates) {
      options.limits.hit.add("states");
      this.#stop();
      return;
    }
    this.#node.push(node);
    this.#length.push(steps);
    this.#todo.push(goesOn);
    this.#outcome.push(0);
  }

  /** Was the state not visited with as few preemptions, in as few steps? */
  #isNearer(lo: number, hi: number, steps: number): boolean {
    const visited = this.#visited;
    const preemptions = Math.min(this.#preemptions, MOST_STORED);
    const info = preemptions * (1 << STEP_BITS) + steps;
    const place = visited.find(lo, hi);
    if (place < 0) {
      visited.insert(place, lo, hi, info);
      return true;
    }
    const before = visited.info(place) >>> 0;
    if (before >>> STEP_BITS < preemptions || before <= info) return false;
    visited.setInfo(place, info);
    return true;
  }

  /** A state in which nothing is wrong is looked at once. */
  #judge(enabled: number): Finding | null {
    const { program, options } = this;
    const { lo, hi } = program;
    const place = this.#states.find(lo, hi);
    if (place >= 0 && this.#states.info(place) === 0) return null;
    const wrong = judgeState(options) ?? (enabled === 0 ? judgeRest(program, options) : null);
    if (place < 0) {
      this.#states.insert(place, lo, hi, wrong === null ? 0 : 1);
      if (enabled === 0 && program.isDone()) this.finals++;
    }
    return wrong;
  }

  #find(finding: Finding, path: readonly PathStep[]): void {
    const name = nameOf(finding);
    const { nearest } = this.options;
    if (this.#reported.has(name) || (nearest !== undefined && !nearest(finding))) return;
    const before = this.#found.get(name);
    if (before !== undefined && before.path.length <= path.length) return;
    this.#found.set(name, { finding, path });
    if (nearest !== undefined) this.#nearest = Math.min(this.#nearest, path.length);
  }

  /** Reports what was found with the present number of preemptions. */
  #report(): void {
    const isShortest = !this.#isStopped;
    const found = [...this.#found].sort(([, a], [, b]) => a.path.length - b.path.length);
    this.#found.clear();
    for (const [name, { finding, path }] of found) {
      this.#reported.add(name);
      if (this.options.onFinding(finding, path, isShortest)) continue;
      this.#stop();
      return;
    }
  }

  #stop(): void {
    this.#isStopped = true;
    this.isComplete = false;
  }

  #add(parent: number, move: number): number {
    const node = this.#nodes++;
    if (node === this.#parents.length) {
      this.#parents = doubled(this.#parents);
      this.#moves = doubled(this.#moves);
    }
    this.#parents[node] = parent;
    this.#moves[node] = move;
    return node;
  }

  /** Brings the program to a state that was visited, by the way on which it was. */
  #goTo(node: number): void {
    const { program } = this;
    const wanted: PathStep[] = [];
    for (let at = node; this.#parents[at]! >= 0; at = this.#parents[at]!) {
      const move = this.#moves[at]!;
      wanted.push({ task: move & ((1 << TASK_BITS) - 1), outcome: move >>> TASK_BITS });
    }
    wanted.reverse();
    const isMade = ({ task, outcome }: PathStep, i: number) =>
      program.path[i]?.task === task && program.path[i].outcome === outcome;
    const differs = wanted.findIndex((step, i) => !isMade(step, i));
    const same = differs < 0 ? wanted.length : differs;
    program.unwind(same);
    for (const { task, outcome } of wanted.slice(same)) program.step(task, outcome);
  }

  #path(): PathStep[] {
    return this.program.path.map(({ task, outcome }) => ({ task, outcome }));
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const made = new Int32Array(array.length * 2);
  made.set(array);
  return made;
}

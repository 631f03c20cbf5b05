import { mix } from "../hash.js";
import { type Finding, judgeRest, judgeState, type Properties } from "./judge.js";
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
  /** Called in the order of preemptions, then steps. @returns whether to go on */
  readonly onFinding: (finding: Finding, path: readonly PathStep[]) => boolean;
}

/** Low bits of a move: the task. The rest is the outcome. */
const TASK_BITS = 5;

/**
 * Visits states in the order of the preemptions, then of the steps, that it takes to get there, without any reduction
 * (Musuvathi and Qadeer, Iterative context bounding, 2007). A preemption is a switch away from a task in
 * the midst of a call that could have gone on. A state counts together with the task that moved last, since that decides what a preemption is.
 */
export class ShortestSearch {
  readonly #visited = new Visited();
  readonly #states = new Visited();
  finals = 0;
  /** Was everything visited, whatever the preemptions? */
  isComplete = true;

  #parents = new Int32Array(1024);
  #moves = new Int32Array(1024);
  #nodes = 0;
  /** What the program's path is made of. */
  readonly #path: number[] = [];
  #isStopped = false;

  constructor(
    private readonly program: Program,
    private readonly options: ShortestOptions,
  ) {}

  /** How many states were visited, whoever moved last. */
  get states(): number {
    return this.#states.size;
  }

  run(): void {
    const { options } = this;
    let layer: number[][] = [[this.#add(-1, 0)]];
    for (let preemptions = 0; layer.length > 0; preemptions++) {
      if (preemptions > options.maxPreemptions) {
        options.limits.hit.add("preemptions");
        this.isComplete = false;
        break;
      }
      const next: number[][] = [];
      for (let depth = 0; depth < layer.length; depth++) {
        const nodes = layer[depth] ?? [];
        for (const node of nodes) {
          this.#visit(node, depth, layer, next);
          if (this.#isStopped || options.limits.isLate()) {
            this.isComplete = false;
            this.program.unwind(0);
            return;
          }
        }
        layer[depth] = [];
      }
      layer = next;
    }
    this.program.unwind(0);
  }

  #add(parent: number, move: number): number {
    const node = this.#nodes++;
    if (node === this.#parents.length) {
      const [parents, moves] = [this.#parents, this.#moves];
      this.#parents = new Int32Array(node * 2);
      this.#parents.set(parents);
      this.#moves = new Int32Array(node * 2);
      this.#moves.set(moves);
    }
    this.#parents[node] = parent;
    this.#moves[node] = move;
    return node;
  }

  #visit(node: number, depth: number, layer: number[][], next: number[][]): void {
    const { program, options } = this;
    if (!this.#goTo(node)) return;
    const last = node === 0 ? -1 : this.#moves[node]! & ((1 << TASK_BITS) - 1);
    const { lo, hi } = program;
    const place = this.#visited.find(mix(lo, last), mix(hi, ~last));
    if (place >= 0) return;
    if (this.#visited.size >= options.maxStates) {
      options.limits.hit.add("states");
      this.#isStopped = true;
      return;
    }
    this.#visited.insert(place, mix(lo, last), mix(hi, ~last), 0);
    const isNew = this.#countState(lo, hi);
    const enabled = program.enabled();
    const wrong = judgeState(options) ?? (enabled === 0 ? judgeRest(program, options) : null);
    if (enabled === 0 && isNew && program.isDone()) this.finals++;
    if (wrong !== null) {
      this.#continueIf(options.onFinding(wrong, this.#steps()));
      return;
    }
    const isMidway = last >= 0 && program.isMidway(last);
    for (let rest = enabled; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      const buckets = isMidway && t !== last ? next : layer;
      for (let outcome = 0; outcome < program.outcomes(t); outcome++) {
        let bucket = buckets[depth + 1];
        if (bucket === undefined) {
          bucket = [];
          buckets[depth + 1] = bucket;
        }
        bucket.push(this.#add(node, (outcome << TASK_BITS) | t));
      }
    }
  }

  #countState(lo: number, hi: number): boolean {
    const place = this.#states.find(lo, hi);
    if (place < 0) this.#states.insert(place, lo, hi, 0);
    return place < 0;
  }

  #continueIf(goesOn: boolean): void {
    if (!goesOn) this.#isStopped = true;
  }

  /** Brings the program to a node; false if its last step fails. */
  #goTo(node: number): boolean {
    const { program } = this;
    const wanted: number[] = [];
    for (let at = node; at > 0; at = this.#parents[at]!) wanted.push(at);
    wanted.reverse();
    let same = 0;
    while (same < wanted.length && this.#path[same] === wanted[same]) same++;
    program.unwind(same);
    this.#path.length = same;
    for (const at of wanted.slice(same)) {
      const move = this.#moves[at]!;
      const { failure } = program.step(move & ((1 << TASK_BITS) - 1), move >>> TASK_BITS);
      if (failure !== null) {
        this.#continueIf(this.options.onFinding(failure, this.#steps(move)));
        return false;
      }
      this.#path.push(at);
    }
    return true;
  }

  #steps(failed?: number): PathStep[] {
    const moves = this.#path.map((at) => this.#moves[at]!);
    if (failed !== undefined) moves.push(failed);
    return moves.map((move) => ({ task: move & ((1 << TASK_BITS) - 1), outcome: move >>> TASK_BITS }));
  }
}

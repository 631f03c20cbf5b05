import { Fusion } from "./fuse.js";
import { type Finding, judgeRest, judgeState, type Properties } from "./judge.js";
import type { Limits } from "./limits.js";
import { Livelocks } from "./livelock.js";
import type { Privacy } from "./privacy.js";
import type { Program } from "./program.js";
import { Visited } from "./visited.js";

export interface StatesOptions extends Properties {
  readonly limits: Limits;
  readonly maxStates: number;
  readonly sleepSets: boolean;
  /** Null: every step leads to a state. */
  readonly privacy: Privacy | null;
  readonly livelocks: boolean;
  /** Called with the program where the violation is, at the path that leads there. @returns whether to go on */
  readonly onFinding: (
    finding: Finding,
    last: { readonly task: number; readonly outcome: number } | null,
  ) => boolean;
}

/**
 * Depth-first search over states (Holzmann), with sleep sets (Godefroid, Partial-Order Methods for the Verification of
 * Concurrent Systems, 1996, chapter 5). A sleeping task need not move: what its step leads to, another order of
 * independent steps has led to, or will. The sleep set is stored with the state; when the state is reached again by
 * tasks of which fewer sleep, those are moved that had slept so far and sleep no longer, and the stored set becomes
 * the intersection. All states are visited; it is transitions that are saved.
 */
export class StateSearch {
  readonly visited = new Visited();
  readonly livelocks = new Livelocks();
  finals = 0;
  /** Was every state visited? */
  isComplete = true;

  readonly #width: number;
  readonly #fusion: Fusion;
  readonly #usesSleep: boolean;
  #depth = -1;
  #isStopped = false;
  // Of the state at each depth of the present path:
  /** The length of the program's path. */
  #length = new Int32Array(256);
  /** Tasks to be moved yet, and tasks that sleep, as bits. */
  #todo = new Int32Array(256);
  #sleep = new Int32Array(256);
  /** The task that is being moved, or -1, and its next outcome. */
  #task = new Int32Array(256);
  #outcome = new Int32Array(256);
  /** What the steps of sleeping tasks access, and of the one that is being moved. */
  #footprints: Int32Array;

  constructor(
    private readonly program: Program,
    private readonly options: StatesOptions,
  ) {
    this.#width = program.tasks.length;
    this.#footprints = new Int32Array(256 * this.#width);
    this.#fusion = new Fusion(program, options.privacy);
    this.#usesSleep = options.sleepSets;
  }

  run(): void {
    const { program } = this;
    const footprints = program.footprints;
    const { privacy, limits } = this.options;
    this.#enter(0);
    while (this.#depth >= 0 && !this.#isStopped) {
      const d = this.#depth;
      program.unwind(this.#length[d]!);
      let t = this.#task[d]!;
      if (t < 0) {
        const todo = this.#todo[d]!;
        if (todo === 0) {
          this.#depth--;
          continue;
        }
        t = 31 - Math.clz32(todo & -todo);
        this.#todo[d] = todo & (todo - 1);
        this.#task[d] = t;
        this.#outcome[d] = 0;
        this.#footprints[d * this.#width + t] = 0;
      }
      const outcome = this.#outcome[d]!++;
      if (this.#outcome[d] === program.outcomes(t)) this.#task[d] = -1;
      const { footprint, failure, failedOutcome } = this.#fusion.step(t, outcome);
      const at = d * this.#width + t;
      this.#footprints[at] = footprints.union(this.#footprints[at]!, footprint);
      if (failure !== null) this.#report(failure, { task: t, outcome: failedOutcome });
      else this.#enter(footprint);
      if (this.#task[d] === -1 && this.#usesSleep) this.#sleep[d]! |= 1 << t;
      if (privacy?.isRefuted) this.#stop();
      if (limits.isLate()) this.#stop();
    }
    program.unwind(0);
  }

  /** Arrives at a state by a transition with this footprint. */
  #enter(footprint: number): void {
    const { program, visited, options } = this;
    const { lo, hi } = program;
    const sleep = this.#usesSleep ? this.#asleepAfter(footprint) : 0;
    const place = visited.find(lo, hi);
    if (place >= 0) {
      const stored = visited.info(place);
      const awake = stored & ~sleep;
      if (awake === 0) return;
      visited.setInfo(place, stored & sleep);
      this.#push(awake, stored & sleep);
      return;
    }
    if (visited.size >= options.maxStates) {
      options.limits.hit.add("states");
      this.#stop();
      return;
    }
    const enabled = this.#fusion.enabled();
    visited.insert(place, lo, hi, sleep);
    const wrong = judgeState(options);
    if (wrong !== null) {
      this.#report(wrong, null);
      return;
    }
    if (enabled === 0) {
      if (program.isDone()) this.finals++;
      const finding = judgeRest(program, options);
      if (finding !== null) this.#report(finding, null);
      return;
    }
    if (options.livelocks && program.hasLoops) this.#collect(lo, hi, enabled);
    const todo = enabled & ~sleep;
    if (todo !== 0) this.#push(todo, sleep);
  }

  /** Which tasks sleep after a step of the present state's. */
  #asleepAfter(footprint: number): number {
    const d = this.#depth;
    if (d < 0) return 0;
    const { footprints } = this.program;
    let sleep = 0;
    for (let rest = this.#sleep[d]!; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      if (footprints.areIndependent(this.#footprints[d * this.#width + t]!, footprint)) sleep |= 1 << t;
    }
    return sleep;
  }

  #push(todo: number, sleep: number): void {
    const d = ++this.#depth;
    if (d === this.#length.length) this.#grow();
    this.#length[d] = this.program.path.length;
    this.#todo[d] = todo;
    this.#sleep[d] = sleep;
    this.#task[d] = -1;
    const width = this.#width;
    const footprints = this.#footprints;
    for (let rest = sleep; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      footprints[d * width + t] = footprints[(d - 1) * width + t]!;
    }
  }

  /** A state of which a livelock may consist: all transitions count, also those of tasks that sleep. */
  #collect(lo: number, hi: number, enabled: number): void {
    const { program, livelocks } = this;
    for (let rest = enabled; rest !== 0; rest &= rest - 1) {
      if (!program.places[31 - Math.clz32(rest & -rest)]!.isLoop) return;
    }
    livelocks.add(Livelocks.key(lo, hi), enabled);
    const length = program.path.length;
    for (let rest = enabled; rest !== 0; rest &= rest - 1) {
      const t = 31 - Math.clz32(rest & -rest);
      for (let outcome = program.outcomes(t) - 1; outcome >= 0; outcome--) {
        if (this.#fusion.step(t, outcome).failure === null) {
          livelocks.leads(t, outcome, Livelocks.key(program.lo, program.hi));
        }
        program.unwind(length);
      }
    }
  }

  #report(finding: Finding, last: { readonly task: number; readonly outcome: number } | null): void {
    if (!this.options.onFinding(finding, last)) this.#stop();
  }

  #stop(): void {
    this.#isStopped = true;
    this.isComplete = false;
  }

  #grow(): void {
    this.#length = doubled(this.#length);
    this.#todo = doubled(this.#todo);
    this.#sleep = doubled(this.#sleep);
    this.#task = doubled(this.#task);
    this.#outcome = doubled(this.#outcome);
    this.#footprints = doubled(this.#footprints);
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const made = new Int32Array(array.length * 2);
  made.set(array);
  return made;
}

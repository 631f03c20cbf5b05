import type { Store } from "../store.js";
import { record } from "./counterexample.js";
import type { Exploration, ExploredViolation, ExploreOptions } from "./exploration.js";
import { Fusion } from "./fuse.js";
import { type Finding, nameOf } from "./judge.js";
import { Limits } from "./limits.js";
import { goesRound, Livelocks, type Round } from "./livelock.js";
import { nearest, nearestOfEach, type Found as Reached, type Way, wayTo } from "./minimize.js";
import { Privacy } from "./privacy.js";
import { Program, RefutedError, type Thread } from "./program.js";
import { RandomWalks } from "./random.js";
import { sentenceOf } from "./sentence.js";
import { type PathStep, ShortestSearch } from "./shortest.js";
import { StateSearch } from "./states.js";
import { TraceSearch } from "./traces.js";

/** Violations beyond so many different ones are not told apart any more. */
const MAX_VIOLATIONS = 100;

/** Random walks from which who accesses what is learnt, at most; three that teach nothing are the last. */
const WARM_UP = 16;

/**
 * Explores the interleavings of threads from the store's present state, and returns to it.
 * @throws ReplayError or OpaqueError when a path cannot be explored: nothing is said about it then
 */
export function explore(store: Store, threads: readonly Thread[], options: ExploreOptions = {}): Exploration {
  return new Explorer(store, threads, options).run();
}

/** What was found, and how to get there. */
interface Found extends Finding, Way {
  readonly loop: readonly PathStep[];
}

interface Counts {
  states: number;
  traces: number;
  finals: number;
  isComplete: boolean;
}

class Explorer {
  readonly #limits: Limits;
  readonly #found = new Map<string, Found>();
  readonly #counts: Counts = { states: 0, traces: 0, finals: 0, isComplete: false };
  #steps = 0;
  #runs = 0;
  #remembers: boolean;
  #privacy: Privacy | null;

  constructor(
    private readonly store: Store,
    private readonly threads: readonly Thread[],
    private readonly options: ExploreOptions,
  ) {
    this.#limits = new Limits(options.bounds ?? {});
    this.#remembers = options.remember !== false && store.onTrace === null;
    const fuses = options.fuse !== false && (options.method ?? "states") === "states";
    this.#privacy = fuses ? new Privacy(options.check === undefined) : null;
  }

  run(): Exploration {
    if (!this.#attempt()) {
      this.#remembers = false;
      this.#forget();
      this.#attempt();
    }
    return this.#result(this.#violations());
  }

  #forget(): void {
    this.#found.clear();
    this.#limits.hit.clear();
    this.#steps = this.#runs = 0;
    if (this.#privacy !== null) this.#privacy = new Privacy(this.options.check === undefined);
  }

  /** @returns false if steps cannot be remembered */
  #attempt(): boolean {
    const program = this.#program();
    try {
      const failures = program.start();
      for (const failure of failures) this.#report(failure, []);
      if (failures.length === 0) this.#explore(program);
      // What is remembered has stood the search, and what is found is recorded without it.
      program.verifies = false;
      if (this.options.minimize !== false) this.#minimize(program);
      return true;
    } catch (error) {
      if (error instanceof RefutedError) return false;
      throw error;
    } finally {
      this.#steps += program.steps;
      this.#runs += program.runs;
      program.close();
    }
  }

  #program(): Program {
    const privacy = this.#privacy;
    return new Program(
      this.store,
      this.threads,
      this.#remembers,
      privacy === null ? null : (t, accesses) => privacy.note(t, accesses),
    );
  }

  #explore(program: Program): void {
    const { options } = this;
    const { bounds = {} } = options;
    switch (options.method ?? "states") {
      case "states":
        if (bounds.preemptions === undefined) this.#states(program);
        else this.#preemptions(program, bounds.preemptions);
        break;
      case "traces":
        this.#traces(program);
        break;
      case "random":
        this.#random(program);
        break;
    }
  }

  #states(program: Program): void {
    const { options } = this;
    const { livelocks = true, stopAtFirst = true } = options;
    if (this.#privacy !== null) this.#warmUp(program);
    program.findLoops();
    for (;;) {
      const search = new StateSearch(program, {
        check: options.check,
        atEnd: options.atEnd,
        limits: this.#limits,
        maxStates: options.bounds?.states ?? 1_000_000,
        // A state that is wrong is not left: then orders of independent steps are not all the same.
        sleepSets: options.sleepSets !== false && (stopAtFirst || options.check === undefined),
        privacy: this.#privacy,
        livelocks,
        onFinding: (finding, last) => this.#atPath(program, finding, last),
      });
      search.run();
      Object.assign(this.#counts, {
        states: search.visited.size,
        finals: search.finals,
        isComplete: search.isComplete,
      });
      if (this.#privacy?.isRefuted) {
        this.#privacy.restart();
        this.#found.clear();
        continue;
      }
      if (!livelocks || (stopAtFirst && this.#found.size > 0)) return;
      // New places to which a task can come back: the states that count were not all known.
      if (program.findLoops() && search.isComplete) continue;
      for (const round of search.livelocks.find()) {
        if (!this.#livelock(program, round)) break;
      }
      return;
    }
  }

  /** Learns who accesses what, so that little that is fused has to be taken back; and which places tasks come back to. */
  #warmUp(program: Program): void {
    const privacy = this.#privacy!;
    for (let seed = 1, inVain = 0; seed <= WARM_UP && inVain < 3; seed++) {
      const { version } = privacy;
      const limits = new Limits({});
      new RandomWalks(program, { limits, seed, walks: 1, depth: 300, onFinding: () => true }).run();
      inVain = privacy.version === version ? inVain + 1 : 0;
    }
  }

  #preemptions(program: Program, maxPreemptions: number): void {
    const { options } = this;
    const search = new ShortestSearch(program, {
      check: options.check,
      atEnd: options.atEnd,
      limits: this.#limits,
      maxStates: options.bounds?.states ?? 1_000_000,
      maxPreemptions,
      ...(options.stopAtFirst === false ? {} : { nearest: () => true }),
      onFinding: (finding, path, isShortest) => this.#report(finding, path, [], isShortest),
    });
    search.run();
    Object.assign(this.#counts, {
      states: search.states,
      finals: search.finals,
      isComplete: search.isComplete,
    });
  }

  #traces(program: Program): void {
    const { options } = this;
    /** Where livelocks begin, to find a shorter way there. */
    const begins = new Map<string, string>();
    const search = new TraceSearch(program, {
      check: options.check,
      atEnd: options.atEnd,
      limits: this.#limits,
      maxTraces: options.bounds?.traces ?? Number.POSITIVE_INFINITY,
      depth: options.bounds?.depth ?? 10_000,
      onFinding: (finding, last, loop) => {
        const name = nameOf(finding);
        if (loop.length > 0 && !begins.has(name)) begins.set(name, Livelocks.key(program.lo, program.hi));
        return this.#atPath(program, finding, last, loop);
      },
    });
    search.run();
    if (options.minimize !== false) {
      for (const [name, key] of begins) {
        const found = this.#found.get(name);
        if (found !== undefined) this.#found.set(name, { ...found, ...wayTo(program, key) });
      }
    }
    Object.assign(this.#counts, {
      traces: search.traces,
      finals: search.finals,
      // Not every state between steps is met.
      isComplete: search.isComplete && options.check === undefined,
    });
  }

  #random(program: Program): void {
    const { options } = this;
    const search = new RandomWalks(program, {
      check: options.check,
      atEnd: options.atEnd,
      limits: this.#limits,
      seed: options.seed ?? 1,
      walks: options.bounds?.walks ?? 1000,
      depth: options.bounds?.depth ?? 10_000,
      onFinding: (finding, last) => this.#atPath(program, finding, last),
    });
    search.run();
    Object.assign(this.#counts, { traces: search.walks, finals: search.finals, isComplete: false });
  }

  #atPath(
    program: Program,
    finding: Finding,
    last: PathStep | null,
    loop: readonly PathStep[] = [],
  ): boolean {
    if (this.#isKnown(finding)) return true;
    return this.#report(finding, pathOf(program, last), loop);
  }

  #isKnown(finding: Finding): boolean {
    return this.#found.size >= MAX_VIOLATIONS || this.#found.has(nameOf(finding));
  }

  /** @returns whether to go on */
  #report(
    finding: Finding,
    path: readonly PathStep[],
    loop: readonly PathStep[] = [],
    isShortest = false,
  ): boolean {
    if (!this.#isKnown(finding)) this.#found.set(nameOf(finding), { ...finding, path, loop, isShortest });
    const goesOn = this.options.stopAtFirst === false;
    if (!goesOn) this.#counts.isComplete = false;
    return goesOn;
  }

  #livelock(program: Program, round: Round): boolean {
    const names = program.tasks.filter((_, t) => (round.tasks & (1 << t)) !== 0).map(({ name }) => name);
    const { path, isShortest } = wayTo(program, round.key);
    for (const { task, outcome } of path) program.step(task, outcome);
    const { length } = program.path;
    const fusion = new Fusion(program, this.#privacy);
    for (const { task, outcome } of round.steps) fusion.step(task, outcome);
    const loop = pathOf(program, null).slice(length);
    program.unwind(0);
    return this.#report({ kind: "livelock", message: goesRound(names) }, path, loop, isShortest);
  }

  /** What was found, with the shortest ways there. */
  #violations(): readonly ExploredViolation[] {
    return [...this.#found.values()].map((found) => {
      const { kind, message, path, loop, isShortest } = found;
      const program = new Program(this.store, this.threads, false);
      try {
        program.start();
        const { watch } = this.options;
        return { kind, message, counterexample: record(program, path, found, loop, isShortest, watch) };
      } finally {
        program.close();
      }
    });
  }

  /** Looks for the shortest ways to what was found. */
  #minimize(program: Program): void {
    const open = new Set<string>();
    for (const [name, { isShortest, path, kind }] of this.#found) {
      if (!isShortest && path.length > 0 && kind !== "livelock") open.add(name);
    }
    if (open.size === 0) return;
    if (this.options.stopAtFirst === false) {
      for (const found of nearestOfEach(program, this.options, open)) this.#shorten(found);
      return;
    }
    // What is nearest of all may be something else.
    const found = nearest(program, this.options, () => true);
    if (found === null) return;
    this.#found.clear();
    this.#shorten(found);
  }

  #shorten({ finding, path, isShortest }: Reached): void {
    this.#found.set(nameOf(finding), { ...finding, path, isShortest, loop: [] });
  }

  #result(violations: readonly ExploredViolation[]): Exploration {
    const { states, traces, finals, isComplete } = this.#counts;
    const collision = states ** 2 / 2 ** 65;
    const verdict = violations.length > 0 ? "violated" : isComplete ? "holds" : "unknown";
    const { method = "states" } = this.options;
    const found = {
      method,
      verdict,
      exhaustive: isComplete,
      boundsHit: [...this.#limits.hit],
      states,
      traces,
      steps: this.#steps,
      runs: this.#runs,
      finals,
      collision,
      violations,
    } as const;
    return { ...found, sentence: sentenceOf(found, this.options) };
  }
}

function pathOf(program: Program, last: PathStep | null): readonly PathStep[] {
  const path: PathStep[] = program.path.map(({ task, outcome }) => ({ task, outcome }));
  if (last !== null) path.push(last);
  return path;
}

import type { Access } from "../access.js";
import type { Creations } from "../creator.js";
import { mix, OpaqueError } from "../hash.js";
import { Lock } from "../lock.js";
import { Notes } from "../notes.js";
import { ReplayError } from "../replay-error.js";
import { OPAQUE } from "../shared-object.js";
import type { Store } from "../store.js";
import { type Call, Suspendable } from "../suspend.js";
import { components } from "./components.js";
import { Footprints } from "./footprint.js";
import { Branch, type Failure, Move, Place } from "./place.js";

/** A thread of the program to explore: its calls, made one after the other. */
export interface Thread {
  readonly name: string;
  readonly calls: readonly Call[];
}

/** Sets of tasks are bits of a number. */
export const MAX_THREADS = 30;

/** A step that was made again without its path turned out otherwise when the path was run: paths look at more than they access. */
export class RefutedError extends Error {
  override name = "RefutedError";
}

/** Told of the accesses that a task makes or would make, at least once of each. */
export type Observer = (task: number, accesses: readonly Access[]) => void;

/**
 * The threads as a transition system: which steps there are, making one, taking it back.
 *
 * A step is run only when it is new. What it does follows from where its task stands and from the objects that it
 * accesses; so it is remembered, under the states of these, as a list of changes (cf. Visser et al., Model Checking
 * Programs, 2003, whose collapsed states serve the same end), and made again from the list. Steps that touch an
 * object without a digest are always run. Now and then a remembered step is run again, to see that it is still true.
 */
export class Program {
  readonly footprints = new Footprints();
  readonly tasks: readonly Suspendable[];
  /** Where each task stands. */
  readonly places: Place[] = [];
  /** The steps that led here from the start. */
  readonly path: Move[] = [];
  /** Steps made, and how many of them by running their path. */
  steps = 0;
  runs = 0;
  /** How many transitions were begun: what {@link Place.passed} counts. */
  transitions = 0;
  /** Run remembered steps again now and then, to see that they are still true? */
  verifies = true;

  readonly #known: Map<number, Place>[];
  /** Which places follow each other, by their keys. */
  readonly #edges: Map<number, Set<number>>[];
  readonly #loops: Set<number>[];
  /** Which footprints each task has had. */
  readonly #had: Set<number>[];
  /** Where each task's own state is at the moment. */
  readonly #at: (Place | null)[] = [];
  readonly #notes = new Notes();
  readonly #names: string[];
  readonly #wasJournalling: boolean;
  readonly #begin;
  #lo = 0;
  #hi = 0;

  constructor(
    readonly store: Store,
    threads: readonly Thread[],
    private readonly remembers: boolean,
    private readonly observer: Observer | null = null,
  ) {
    if (threads.length > MAX_THREADS)
      throw new RangeError(`${threads.length} threads: at most ${MAX_THREADS}`);
    this.#names = store.names.slice();
    this.#wasJournalling = store.journalling;
    this.#begin = store.mark();
    this.tasks = threads.map(({ name, calls }, i) => new Suspendable(store, i + 1, name, calls));
    const creations: Creations = new Map();
    for (const task of this.tasks) {
      store.names[task.tid] = task.name;
      task.notes = this.#notes;
      if (remembers) task.creator.memory = creations;
    }
    this.#known = threads.map(() => new Map());
    this.#edges = threads.map(() => new Map());
    this.#loops = threads.map(() => new Set());
    this.#had = threads.map(() => new Set());
  }

  /** Runs every task to its first step. @returns what fails before there is any */
  start(): readonly Failure[] {
    const failures: Failure[] = [];
    for (const [t, task] of this.tasks.entries()) {
      try {
        task.start();
      } catch (error) {
        failures.push(this.#failure(error));
        continue;
      }
      const { log } = task.addition();
      const place = this.#place(t, null, 0, log);
      this.places[t] = place;
      this.#at[t] = place;
      this.#lo ^= place.lo;
      this.#hi ^= place.hi;
      const self = this.#selfBlock(t);
      if (self !== null) failures.push(self);
    }
    if (this.remembers) this.#checkCreations();
    return failures;
  }

  /** Puts the store back as it was before the program was made. */
  close(): void {
    const { store } = this;
    this.unwind(0);
    store.rollback(this.#begin);
    if (!this.#wasJournalling) store.commit();
    store.names.splice(0, store.names.length, ...this.#names);
  }

  /** The present state's hash: shared state, and each task's call and log. */
  get lo(): number {
    return this.#lo ^ this.store.hashLo;
  }

  get hi(): number {
    return this.#hi ^ this.store.hashHi;
  }

  isEnabled(t: number): boolean {
    return this.isEnabledAt(t, this.places[t]!);
  }

  /** Would it be a preemption to let another task move? */
  isMidway(t: number): boolean {
    return !this.places[t]!.isBetweenCalls && this.isEnabled(t);
  }

  /** Could the task move now if it stood there? */
  isEnabledAt(t: number, { pending }: Place): boolean {
    if (pending === null) return false;
    if (pending.when !== null) return pending.when();
    return pending.object === null || pending.object.isEnabled(pending.kind, t + 1, pending.key);
  }

  /** The tasks that can move, as bits. */
  enabled(): number {
    let mask = 0;
    for (let t = 0; t < this.tasks.length; t++) if (this.isEnabled(t)) mask |= 1 << t;
    return mask;
  }

  isDone(): boolean {
    return this.places.every(({ pending }) => pending === null);
  }

  results(): readonly (readonly unknown[])[] {
    return this.places.map(({ results }) => [...results]);
  }

  /** How many outcomes the next step of a task has. */
  outcomes(t: number): number {
    return this.places[t]!.pending!.outcomes;
  }

  /** Makes a step of a task that can move. A step that fails leaves the state as it was. */
  step(t: number, outcome: number): Move {
    const place = this.places[t]!;
    this.steps++;
    let at = place.steps[outcome];
    while (at instanceof Branch) at = at.next[at.digests.indexOf(at.object.digest(at.key))];
    let move: Move;
    if (at === undefined) move = this.#run(t, place, outcome);
    else {
      move = at;
      const hits = ++move.hits;
      if (this.verifies && isDue(hits)) this.#verify(move);
      else if (move.failure === null) this.store.redo(move.delta);
    }
    if (move.to !== null) {
      this.places[t] = move.to;
      this.#lo ^= place.lo ^ move.to.lo;
      this.#hi ^= place.hi ^ move.to.hi;
      this.path.push(move);
    }
    return move;
  }

  /** Takes the last step back. */
  undo(): void {
    const move = this.path.pop()!;
    const { from, task } = move;
    const to = move.to!;
    this.store.undo(move.delta);
    this.places[task] = from;
    this.#lo ^= from.lo ^ to.lo;
    this.#hi ^= from.hi ^ to.hi;
  }

  /** Takes steps back until so many are left. */
  unwind(length: number): void {
    while (this.path.length > length) this.undo();
  }

  /**
   * Looks for the places to which tasks can come back.
   * @returns whether there are any that had not been known
   */
  findLoops(): boolean {
    let isNews = false;
    for (const [t, edges] of this.#edges.entries()) {
      const loops = this.#loops[t]!;
      for (const key of cyclic(edges)) {
        if (loops.has(key)) continue;
        loops.add(key);
        isNews = true;
        const place = this.#known[t]!.get(key);
        if (place !== undefined) place.isLoop = true;
      }
      const here = this.places[t];
      if (here !== undefined) here.isLoop = loops.has(here.key);
    }
    return isNews;
  }

  get hasLoops(): boolean {
    return this.#loops.some((loops) => loops.size > 0);
  }

  #run(t: number, place: Place, outcome: number): Move {
    const { store } = this;
    const task = this.tasks[t]!;
    this.runs++;
    if (this.#at[t] !== place) task.load(place.snapshot());
    this.#at[t] = null;
    const from = store.changes;
    const lo = store.hashLo;
    const hi = store.hashHi;
    let failure: Failure | null = null;
    try {
      task.step(outcome);
    } catch (error) {
      store.undo(store.cut(from, lo, hi));
      failure = this.#failure(error);
    }
    const delta = store.cut(from, lo, hi);
    const notes = this.#notes;
    const footprint = this.footprints.number([...task.accesses, ...notes.peeked]);
    if (!this.#had[t]!.has(footprint)) {
      this.#had[t]!.add(footprint);
      this.observer?.(t, this.footprints.accesses(footprint));
    }
    let to: Place | null = null;
    if (failure === null) {
      const { kept, log } = task.addition();
      to = this.#place(t, place, kept, log);
      this.#at[t] = to;
      this.#follow(t, place, to);
      failure = this.#selfBlock(t, to);
      if (failure !== null) {
        store.undo(delta);
        to = null;
      }
    }
    const move = new Move(t, place, outcome, to, failure, delta, footprint);
    if (this.remembers) {
      try {
        this.#checkCreations();
        if (!notes.isOpaque && delta.objects.every((object, i) => object.digest(delta.keys[i]!) !== OPAQUE)) {
          this.#remember(move);
        }
      } catch (error) {
        if (to !== null) store.undo(delta);
        throw error;
      }
    }
    return move;
  }

  #checkCreations(): void {
    if (this.tasks.some((task) => task.creator.memory === null)) {
      throw new RefutedError("what a path creates cannot be remembered");
    }
  }

  #remember(move: Move): void {
    const { objects, keys, digests } = this.#notes;
    let branches: (Branch | Move | undefined)[] = move.from.steps;
    let at = move.outcome;
    for (let i = 0; i < objects.length; i++) {
      let branch = branches[at];
      if (branch === undefined) {
        branch = new Branch(objects[i]!, keys[i]!);
        branches[at] = branch;
      }
      if (!(branch instanceof Branch) || branch.object !== objects[i] || branch.key !== keys[i]) {
        throw new RefutedError(
          `${this.tasks[move.task]!.name} looks at ${objects[i]!.name} where it had not before`,
        );
      }
      at = branch.digests.indexOf(digests[i]);
      if (at < 0) at = branch.digests.push(digests[i]) - 1;
      branches = branch.next;
    }
    // What is run again to be verified is known already.
    branches[at] ??= move;
  }

  /** Runs a remembered step, and compares. */
  #verify(move: Move): void {
    const { task, from, outcome, delta, to, footprint } = move;
    const now = this.#run(task, from, outcome);
    if (
      now.to === to &&
      now.delta.lo === delta.lo &&
      now.delta.hi === delta.hi &&
      now.footprint === footprint &&
      now.failure?.message === move.failure?.message
    ) {
      return;
    }
    if (now.to !== null) this.store.undo(now.delta);
    throw new RefutedError(`${this.tasks[task]!.name} looks at more than it accesses`);
  }

  #place(t: number, parent: Place | null, kept: number, log: Place["log"]): Place {
    const task = this.tasks[t]!;
    const [lo, hi] = task.hash();
    const key = (hi >>> 11) * 0x1_0000_0000 + lo;
    const known = this.remembers ? this.#known[t]!.get(key) : undefined;
    if (known !== undefined) return known;
    const snapshot = task.snapshot();
    const results = parent !== null && parent.call === snapshot.call ? parent.results : snapshot.results;
    const place = new Place(
      mix(mix(lo, t + 1), hi),
      mix(mix(hi, ~t), lo),
      key,
      kept === 0 ? null : parent,
      kept,
      log,
      { ...snapshot, results },
    );
    place.isLoop = this.#loops[t]!.has(key);
    // Also a step that can never be made is one that the others stand in the way of.
    if (snapshot.pending !== null) this.observer?.(t, [snapshot.pending]);
    if (this.remembers) this.#known[t]!.set(key, place);
    return place;
  }

  #follow(t: number, from: Place, to: Place): void {
    const edges = this.#edges[t]!;
    const next = edges.get(from.key);
    if (next === undefined) edges.set(from.key, new Set([to.key]));
    else next.add(to.key);
  }

  #selfBlock(t: number, place: Place = this.places[t]!): Failure | null {
    const { pending } = place;
    if (pending === null || !(pending.object instanceof Lock)) return null;
    if (pending.object.isEnabled(pending.kind, t + 1, pending.key)) return null;
    const error = pending.object.selfBlock(t + 1);
    return error === undefined ? null : { kind: "deadlock", message: error.message };
  }

  #failure(error: unknown): Failure {
    if (error instanceof ReplayError || error instanceof OpaqueError) throw error;
    return { kind: "error", message: error instanceof Error ? error.message : String(error) };
  }
}

/** Is a step run again when it has been made from memory so often? The 8th time, the 64th, and so on. */
function isDue(hits: number): boolean {
  return hits > 1 && (hits & (hits - 1)) === 0 && (31 - Math.clz32(hits)) % 3 === 0;
}

/** The nodes of a graph that lie on a cycle. */
function cyclic(edges: ReadonlyMap<number, ReadonlySet<number>>): readonly number[] {
  return components(edges.keys(), (node) => edges.get(node) ?? []).flatMap((component) => {
    const [node] = component as [number];
    return component.length > 1 || edges.get(node)?.has(node) ? component : [];
  });
}

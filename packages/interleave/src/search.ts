import type { Access, Pending } from "./access.js";
import { describe, waitsFor } from "./explore/describe.js";
import type { Thread } from "./explore/program.js";
import { OpaqueError } from "./hash.js";
import { Lock, type LockError } from "./lock.js";
import type { Position } from "./position.js";
import { ReplayError } from "./replay-error.js";
import type { Mark, Store } from "./store.js";
import { Suspendable } from "./suspend.js";

export interface SearchOptions {
  /** Looks at each state (with `peek`); returns what is wrong with it, if anything. Such a state is not left again. */
  readonly check?: () => string | undefined;
  /** Looks at each final state, when all threads are done. */
  readonly atEnd?: (results: readonly (readonly unknown[])[]) => string | undefined;
  /** Stop at the first violation. Default true. */
  readonly stopAtFirst?: boolean;
  /** Give up after this many states. Default 1,000,000. */
  readonly maxStates?: number;
}

/** One step of a counterexample. */
export interface Step {
  readonly thread: string;
  /** Index of the call within the thread. */
  readonly call: number;
  /** What the step begins with: the lock taken, the value read, the choice made. */
  readonly what: string;
  readonly accesses: readonly Access[];
}

export interface Violation {
  readonly kind: "error" | "deadlock" | "check";
  readonly message: string;
  readonly steps: readonly Step[];
}

export interface SearchResult {
  readonly states: number;
  /** Steps made, also those that led to a state seen before. */
  readonly steps: number;
  /** Final states in which every thread was done. */
  readonly finals: number;
  readonly violations: readonly Violation[];
  /**
   * Every interleaving was covered, up to its first violation (but for collisions of the hash, which has 64 bits for
   * the store and for each thread).
   */
  readonly exhaustive: boolean;
}

/**
 * Explores every interleaving of the threads depth first, from the store's present state, and returns to it. States
 * seen before are not entered again; there is no other reduction. When a thread fails before its first step, it
 * does so in every interleaving, and none is explored.
 * @throws ReplayError or OpaqueError when a path cannot be explored: nothing is said about it then
 */
export function search(store: Store, threads: readonly Thread[], options: SearchOptions = {}): SearchResult {
  return new Search(store, threads, options).run();
}

/** A state on the present path, and which of its steps have been made. */
interface Frame {
  readonly mark: Mark;
  /** Index of the task whose step is made next, or has been made last. */
  task: number;
  outcome: number;
  /** Where that task stood; null when it has not moved. */
  position: Position | null;
  moved: boolean;
}

class Search {
  readonly #tasks: Suspendable[];
  readonly #seen = new Set<string>();
  readonly #frames: Frame[] = [];
  readonly #path: Step[] = [];
  readonly #violations: Violation[] = [];
  #steps = 0;
  #finals = 0;
  #stopped = false;

  constructor(
    private readonly store: Store,
    threads: readonly Thread[],
    private readonly options: SearchOptions,
  ) {
    this.#tasks = threads.map((thread, i) => new Suspendable(store, i + 1, thread.name, thread.calls));
  }

  run(): SearchResult {
    const { store } = this;
    const names = store.names.slice();
    const wasJournalling = store.journalling;
    const begin = store.mark();
    try {
      for (const task of this.#tasks) store.names[task.tid] = task.name;
      const failed = this.#tasks.filter((task) => !this.#attempt(() => task.start()));
      if (failed.length === 0) this.#explore();
      else this.#stopped = true;
    } finally {
      store.rollback(begin);
      if (!wasJournalling) store.commit();
      store.names.splice(0, store.names.length, ...names);
    }
    return {
      states: this.#seen.size,
      steps: this.#steps,
      finals: this.#finals,
      violations: this.#violations,
      exhaustive: !this.#stopped,
    };
  }

  /** From the present state on: enters every enabled step of every task. */
  #explore(): void {
    this.#enter();
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      if (frame.position !== null) this.#takeBack(frame);
      if (this.#stopped) return;
      const pending = this.#next(frame);
      if (pending !== null) this.#step(frame, pending);
      else {
        if (!frame.moved) this.#atRest();
        this.#frames.pop();
      }
    }
  }

  /** Notes the present state; it is left again only if it is new and nothing is wrong with it. */
  #enter(): void {
    const key = this.#key();
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= (this.options.maxStates ?? 1_000_000)) {
      this.#stopped = true;
      return;
    }
    this.#seen.add(key);
    const wrong = this.options.check?.();
    if (wrong !== undefined) this.#report("check", wrong);
    else this.#frames.push({ mark: this.store.mark(), task: 0, outcome: 0, position: null, moved: false });
  }

  /** The next step that can be made from a state; null when all have been. */
  #next(frame: Frame): Pending | null {
    for (; frame.task < this.#tasks.length; frame.task++) {
      const task = this.#tasks[frame.task]!;
      const { pending } = task;
      if (pending !== null && frame.outcome < pending.outcomes && task.isEnabled()) return pending;
      frame.outcome = 0;
    }
    return null;
  }

  #step(frame: Frame, pending: Pending): void {
    const task = this.#tasks[frame.task]!;
    const outcome = frame.outcome++;
    frame.position = task.position();
    frame.moved = true;
    const step: { -readonly [K in keyof Step]: Step[K] } = {
      thread: task.name,
      call: task.call,
      what: describe(pending, outcome),
      accesses: [],
    };
    this.#path.push(step);
    this.#steps++;
    const went = this.#attempt(() => {
      try {
        task.step(outcome);
      } finally {
        step.accesses = task.accesses;
      }
    });
    if (went) this.#enter();
  }

  #takeBack(frame: Frame): void {
    this.#path.pop();
    this.store.rollback(frame.mark);
    this.#tasks[frame.task]!.restore(frame.position!);
    frame.position = null;
  }

  #atRest(): void {
    const stuck = this.#tasks.filter((task) => !task.isDone);
    if (stuck.length > 0) {
      this.#report(
        "deadlock",
        stuck.map((task) => waitsFor(this.store, task.name, task.pending!)).join("; "),
      );
      return;
    }
    this.#finals++;
    const wrong = this.options.atEnd?.(this.#tasks.map((task) => [...task.results]));
    if (wrong !== undefined) this.#report("check", wrong);
  }

  #attempt(move: () => void): boolean {
    try {
      move();
      const self = this.#selfBlocked();
      if (self === undefined) return true;
      this.#report("deadlock", self.message);
    } catch (error) {
      if (error instanceof ReplayError || error instanceof OpaqueError) throw error;
      this.#report("error", error instanceof Error ? error.message : String(error));
    }
    return false;
  }

  #selfBlocked(): LockError | undefined {
    for (const task of this.#tasks) {
      const object = task.pending?.object;
      if (!(object instanceof Lock) || task.isEnabled()) continue;
      const error = object.selfBlock(task.tid);
      if (error) return error;
    }
    return undefined;
  }

  #report(kind: Violation["kind"], message: string): void {
    this.#violations.push({ kind, message, steps: this.#path.map((step) => ({ ...step })) });
    if (this.options.stopAtFirst !== false) this.#stopped = true;
  }

  #key(): string {
    const [lo, hi] = this.store.hash;
    let key = `${lo}.${hi}`;
    for (const task of this.#tasks) {
      const [a, b] = task.hash();
      key += `,${a}.${b}`;
    }
    return key;
  }
}

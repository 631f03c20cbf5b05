import { Kind, type Shared } from "./shared.js";
import { LockError } from "./lock.js";
import type { Store } from "./store.js";
import { type Access, type Call, Suspendable } from "./suspend.js";

/** A thread of the program to explore: its calls, made one after the other. */
export interface Thread {
  readonly name: string;
  readonly calls: readonly Call[];
}

export interface SearchOptions {
  /** Looks at the state after each step (with `peek`); returns what is wrong with it, if anything. */
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
  /** Every interleaving was covered (but for collisions of the 64-bit-per-component hash). */
  readonly exhaustive: boolean;
}

/**
 * Explores every interleaving of the threads depth first, from the store's present state, and returns to it. States
 * seen before are not entered again; there is no other reduction.
 */
export function search(store: Store, threads: readonly Thread[], options: SearchOptions = {}): SearchResult {
  return new Search(store, threads, options).run();
}

class Search {
  readonly #tasks: Suspendable[];
  readonly #seen = new Set<string>();
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
    const tid = store.tid;
    for (const task of this.#tasks) store.names[task.tid] = task.name;
    const begin = store.mark();
    if (this.#tasks.every((task) => this.#attempt(() => task.start()))) this.#explore();
    store.rollback(begin);
    store.tid = tid;
    store.names.splice(0, store.names.length, ...names);
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
    const key = this.#key();
    if (this.#seen.has(key)) return;
    if (this.#seen.size >= (this.options.maxStates ?? 1_000_000)) {
      this.#stopped = true;
      return;
    }
    this.#seen.add(key);
    const wrong = this.options.check?.();
    if (wrong !== undefined) return this.#report("check", wrong);

    let moved = false;
    for (const task of this.#tasks) {
      const { pending } = task;
      if (pending === null || !task.isEnabled()) continue;
      moved = true;
      for (let outcome = 0; outcome < pending.outcomes && !this.#stopped; outcome++) {
        const mark = this.store.mark();
        const position = task.position();
        const step: { -readonly [K in keyof Step]: Step[K] } = {
          thread: task.name,
          call: task.call,
          what: describe(pending.kind, pending.object, pending.name, outcome),
          accesses: [],
        };
        this.#path.push(step);
        this.#steps++;
        const went = this.#attempt(() => {
          step.accesses = task.step(outcome);
        });
        if (went) this.#explore();
        this.#path.pop();
        this.store.rollback(mark);
        task.restore(position);
      }
      if (this.#stopped) return;
    }
    if (!moved) this.#atRest();
  }

  #atRest(): void {
    const stuck = this.#tasks.filter((task) => !task.isDone);
    if (stuck.length > 0) {
      this.#report("deadlock", stuck.map((task) => this.#waitsFor(task)).join("; "));
      return;
    }
    this.#finals++;
    const wrong = this.options.atEnd?.(this.#tasks.map((task) => task.results));
    if (wrong !== undefined) this.#report("check", wrong);
  }

  #waitsFor(task: Suspendable): string {
    const pending = task.pending!;
    const object = pending.object;
    const holders = object !== null && "holders" in object ? (object as { holders(): readonly number[] }).holders() : [];
    const by = holders.length > 0 ? `, held by ${holders.map((tid) => this.store.taskName(tid)).join(", ")}` : "";
    return `${task.name} waits for ${pending.name}${by}`;
  }

  #attempt(move: () => void): boolean {
    try {
      move();
      const self = this.#selfBlocked();
      if (self === undefined) return true;
      this.#report("deadlock", self.message);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#report("error", error.message);
    }
    return false;
  }

  #selfBlocked(): LockError | undefined {
    for (const task of this.#tasks) {
      const object = task.pending?.object;
      if (object == null || task.isEnabled() || !("selfBlock" in object)) continue;
      const error = (object as { selfBlock(tid: number): LockError | undefined }).selfBlock(task.tid);
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

function describe(kind: Kind, object: Shared | null, name: string, outcome: number): string {
  switch (kind) {
    case Kind.Read:
      return `reads ${name}`;
    case Kind.Write:
      return object === null ? name : `writes ${name}`;
    case Kind.Acquire:
      return `takes ${name}`;
    case Kind.AcquireShared:
      return `takes ${name} for reading`;
    case Kind.Wait:
      return `goes on after waiting for ${name}`;
    case Kind.Choose:
      return `${name}: outcome ${outcome}`;
    default:
      return name;
  }
}

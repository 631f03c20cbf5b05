import type { Access } from "../access.js";
import { Kind, Shared, WHOLE } from "../shared-object.js";
import type { TraceEvent } from "../store.js";
import type {
  KindName,
  Shown,
  TraceAccess,
  TraceChange,
  TraceStep,
  Watch,
  Watched,
  WatchedChange,
} from "./counterexample.js";
import { describe } from "./describe.js";
import { functionsAbove } from "./functions.js";
import type { Failure } from "./place.js";
import type { Program } from "./program.js";
import type { PathStep } from "./shortest.js";

const KIND_NAMES = Object.fromEntries(Object.entries(Kind).map(([name, kind]) => [kind, name])) as Record<
  Kind,
  KindName
>;

/** What a path went through, step by step; runs every path for real. Undone by the caller. */
export class Recorder {
  readonly steps: TraceStep[] = [];
  readonly initially: Readonly<Record<string, string>>;
  #last = -1;
  #now: Map<string, string>;

  constructor(
    private readonly program: Program,
    private readonly watch: Watch = () => [],
  ) {
    this.#now = valuesOf(watch());
    this.initially = Object.fromEntries(this.#now);
  }

  get preemptions(): number {
    return this.steps.filter(({ isPreemption }) => isPreemption).length;
  }

  /** @returns the step's failure, if it fails */
  step({ task: t, outcome }: PathStep): Failure | null {
    const { program } = this;
    const { store } = program;
    const task = program.tasks[t]!;
    const pending = program.places[t]!.pending!;
    const isPreemption = this.#last >= 0 && this.#last !== t && program.isMidway(this.#last);
    this.#last = t;
    const accesses: RecordedAccess[] = [];
    task.onAccess = (access) => {
      // What was created meanwhile is seen now.
      accesses.at(-1)?.changed.push(...this.#changes());
      accesses.push(this.#accessOf(access));
    };
    task.onObserved = (value) => {
      const access = accesses.at(-1);
      if (access === undefined) return;
      access.value = shown(value);
      access.changed.push(...this.#changes());
    };
    const listener = store.onTrace;
    store.onTrace = (event) => accesses.at(-1)?.decisions.push(event);
    const call = program.places[t]!.call;
    const { delta, failure } = program.step(t, outcome);
    task.onAccess = task.onObserved = null;
    store.onTrace = listener;
    accesses.at(-1)?.changed.push(...this.#changes());
    this.steps.push({
      thread: t,
      call,
      outcome,
      what: describe(pending, outcome),
      fn: accesses[0]?.functions[0] ?? "",
      object: pending.object?.name ?? null,
      kind: KIND_NAMES[pending.kind],
      isPreemption,
      accesses,
      changes: changesOf(delta),
    });
    return failure;
  }

  #accessOf({ object, kind, key }: Access): RecordedAccess {
    const at = object?.keyed === true ? key : undefined;
    const isThis = (watched: Watched) =>
      watched.object === object && (at === undefined || at === WHOLE || watched.key === at);
    return {
      object: object?.name ?? null,
      key: shownKey(object, key),
      kind: KIND_NAMES[kind],
      value: null,
      functions: functionsAbove(object),
      watched: (object !== null && this.#watched().find(isThis)?.name) || null,
      changed: [],
      decisions: [],
    };
  }

  /** Looking is no access of the task's, even in the midst of its step. */
  #watched(): readonly Watched[] {
    const { store } = this.program;
    const { task } = store;
    store.task = null;
    const watched = this.watch();
    store.task = task;
    return watched;
  }

  /** What is watched and has changed since the last time. */
  #changes(): WatchedChange[] {
    const before = this.#now;
    this.#now = valuesOf(this.#watched());
    const changes: WatchedChange[] = [];
    for (const [name, after] of this.#now) {
      const old = before.get(name);
      if (old === undefined) changes.push({ name, after });
      else if (old !== after) changes.push({ name, before: old, after });
    }
    for (const [name, old] of before) if (!this.#now.has(name)) changes.push({ name, before: old });
    return changes;
  }
}

interface RecordedAccess extends TraceAccess {
  value: Shown;
  readonly changed: WatchedChange[];
  readonly decisions: TraceEvent[];
}

function valuesOf(watched: readonly Watched[]): Map<string, string> {
  return new Map(watched.map(({ name, value }) => [name, value]));
}

function shownKey(object: Shared | null, key: number): number | null {
  return object?.keyed && key !== WHOLE ? key : null;
}

function changesOf({ objects, keys, olds, nows }: Program["path"][number]["delta"]): TraceChange[] {
  const first = new Map<string, TraceChange>();
  for (const [i, object] of objects.entries()) {
    if (object.name === HELD) continue;
    const at = `${object.id} ${keys[i]}`;
    const change = {
      object: object.name,
      key: shownKey(object, keys[i]!),
      before: shown(olds[i]),
      after: shown(nows[i]),
    };
    const before = first.get(at);
    first.set(at, before === undefined ? change : { ...change, before: before.before });
  }
  return [...first.values()];
}

/** Bookkeeping that follows from the locks. */
const HELD = "held locks";

function shown(value: unknown): Shown {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "string":
      return value;
    case "object":
      if (value === null) return null;
      if (value instanceof Shared) return value.name;
      if (Array.isArray(value)) return value.map(shown);
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
    default:
      return String(value);
  }
}

import { Lock } from "../../lock.js";
import type { Store } from "../../store.js";
import { Suspendable } from "../../suspend.js";
import { WaitQueue } from "../../wait-queue.js";
import type { Thread } from "../program.js";

/** All that a program can do, found by nothing but trying every step in every state. */
export interface Everything {
  readonly states: number;
  readonly finals: ReadonlySet<string>;
  /** Kind and message, but for livelocks. */
  readonly violations: ReadonlySet<string>;
  /** The sets of threads, as bits, that can go round for ever while nobody else can move. */
  readonly livelocks: ReadonlySet<number>;
}

interface State {
  readonly enabled: number;
  readonly next: { readonly task: number; readonly to: string }[];
}

/**
 * The reference that the explorer is held against: shares the store and the tasks with it, and nothing else. Follows
 * its definitions, not its algorithms.
 */
export function bruteForce(
  store: Store,
  threads: readonly Thread[],
  final: () => string,
  maxStates: number,
): Everything | null {
  const tasks = threads.map(({ name, calls }, i) => new Suspendable(store, i + 1, name, calls));
  const names = store.names.slice();
  const begin = store.mark();
  for (const task of tasks) store.names[task.tid] = task.name;
  const states = new Map<string, State>();
  const finals = new Set<string>();
  const violations = new Set<string>();
  const selfBlocked = () => {
    for (const task of tasks) {
      const object = task.pending?.object;
      const error = object instanceof Lock && !task.isEnabled() ? object.selfBlock(task.tid) : undefined;
      if (error !== undefined) return `deadlock: ${error.message}`;
    }
    return undefined;
  };
  const key = () => [store.hash, ...tasks.map((task) => task.hash())].join(" ");
  const atRest = () => {
    const stuck = tasks.filter((task) => !task.isDone);
    if (stuck.length === 0) {
      finals.add(`${final()} ${JSON.stringify(tasks.map((task) => task.results))}`);
      return;
    }
    const isLost = stuck.every((task) => task.pending!.object instanceof WaitQueue);
    const what = stuck.map((task) => {
      const { object, name } = task.pending!;
      const holders = object instanceof Lock ? object.holders().map((tid) => store.taskName(tid)) : [];
      return `${task.name} waits for ${name}${holders.length > 0 ? `, held by ${holders.join(", ")}` : ""}`;
    });
    violations.add(`${isLost ? "lost wake-up" : "deadlock"}: ${what.join("; ")}`);
  };
  const visit = (at: string): boolean => {
    if (states.size >= maxStates) return false;
    let enabled = 0;
    for (const [t, task] of tasks.entries()) if (task.isEnabled()) enabled |= 1 << t;
    const state: State = { enabled, next: [] };
    states.set(at, state);
    if (enabled === 0) {
      atRest();
      return true;
    }
    const mark = store.mark();
    for (const [t, task] of tasks.entries()) {
      if ((enabled & (1 << t)) === 0) continue;
      const position = task.position();
      for (let outcome = 0; outcome < position.pending!.outcomes; outcome++) {
        try {
          task.step(outcome);
          const self = selfBlocked();
          if (self !== undefined) violations.add(self);
          else {
            const to = key();
            state.next.push({ task: t, to });
            if (!states.has(to) && !visit(to)) return false;
          }
        } catch (error) {
          violations.add(`error: ${(error as Error).message}`);
        }
        store.rollback(mark);
        task.restore(position);
      }
    }
    return true;
  };
  let isDone = true;
  try {
    for (const task of tasks) {
      try {
        task.start();
      } catch (error) {
        violations.add(`error: ${(error as Error).message}`);
      }
    }
    const self = selfBlocked();
    if (self !== undefined) violations.add(self);
    if (violations.size === 0) isDone = visit(key());
  } finally {
    store.rollback(begin);
    store.commit();
    store.names.splice(0, store.names.length, ...names);
  }
  return isDone
    ? { states: states.size, finals, violations, livelocks: livelocks(states, tasks.length) }
    : null;
}

/** For each set of threads: among the states where nobody else can move, is there a cycle on which all of them move? */
function livelocks(states: ReadonlyMap<string, State>, tasks: number): ReadonlySet<number> {
  const found = new Set<number>();
  for (let set = 1; set < 1 << tasks; set++) {
    const inside = (key: string) => {
      const state = states.get(key);
      return state !== undefined && (state.enabled & ~set) === 0 && state.enabled !== 0;
    };
    const reachable = (from: string): Set<string> => {
      const seen = new Set<string>();
      const work = [from];
      for (let at = work.pop(); at !== undefined; at = work.pop()) {
        for (const { to } of states.get(at)!.next) {
          if (!inside(to) || seen.has(to)) continue;
          seen.add(to);
          work.push(to);
        }
      }
      return seen;
    };
    const candidates = [...states.keys()].filter(inside);
    const reach = new Map(candidates.map((key) => [key, reachable(key)]));
    for (const key of candidates) {
      if (!reach.get(key)!.has(key)) continue;
      const component = candidates.filter(
        (other) => reach.get(key)!.has(other) && reach.get(other)!.has(key),
      );
      const members = new Set(component);
      let moving = 0;
      for (const member of component) {
        for (const { task, to } of states.get(member)!.next) if (members.has(to)) moving |= 1 << task;
      }
      if (moving === set) found.add(set);
    }
  }
  return found;
}

import type { Access, Store } from "@kvmm/interleave";

/** What the two kinds of task have in common. */
export interface Task<P> {
  readonly isDone: boolean;
  readonly accesses: readonly Access[];
  isEnabled(): boolean;
  start(): void;
  step(): void;
  position(): P;
  restore(position: P): void;
  hash(): readonly [number, number];
}

export interface Explored {
  states: number;
  steps: number;
  /** Accesses of the steps: each made once, not counting those repeated to restore a state. */
  accesses: number;
  finals: number;
  violations: number;
}

/** The same plain depth-first search for both, so that only the tasks differ. */
export function explore<P>(
  store: Store,
  tasks: readonly Task<P>[],
  check: () => string | undefined,
): Explored {
  const found: Explored = { states: 0, steps: 0, accesses: 0, finals: 0, violations: 0 };
  const seen = new Set<string>();
  const visit = (): void => {
    let key = store.hash.join();
    for (const task of tasks) key += `,${task.hash().join()}`;
    if (seen.has(key)) return;
    seen.add(key);
    if (check() !== undefined) {
      found.violations++;
      return;
    }
    const mark = store.mark();
    for (const task of tasks) {
      if (!task.isEnabled()) continue;
      const position = task.position();
      task.step();
      found.steps++;
      found.accesses += task.accesses.length;
      visit();
      store.rollback(mark);
      task.restore(position);
    }
    if (tasks.every((task) => task.isDone)) found.finals++;
  };
  const begin = store.mark();
  for (const task of tasks) task.start();
  visit();
  store.rollback(begin);
  store.commit();
  found.states = seen.size;
  return found;
}

import { type Access, independent } from "../../access.js";
import type { Store } from "../../store.js";
import { Suspendable } from "../../suspend.js";
import type { Thread } from "../program.js";

/** A step of an execution: whose, and the how many-th. */
interface Event {
  readonly name: string;
  readonly accesses: readonly Access[];
}

/**
 * How many classes of equivalent executions a program has (Mazurkiewicz traces), by nothing but making every execution:
 * two are equivalent when each pair of dependent steps comes in the same order in both. For programs that end, and are
 * tiny.
 */
export function countClasses(store: Store, threads: readonly Thread[]): number {
  const tasks = threads.map(({ name, calls }, i) => new Suspendable(store, i + 1, name, calls));
  const begin = store.mark();
  const classes = new Set<string>();
  const execution: Event[] = [];
  const steps = tasks.map(() => 0);
  const visit = (): void => {
    const able = [...tasks.entries()].filter(([, task]) => task.isEnabled());
    if (able.length === 0) {
      if (!tasks.every((task) => task.isDone)) throw new Error("a program that does not end");
      classes.add(classOf(execution));
      return;
    }
    const mark = store.mark();
    for (const [t, task] of able) {
      const position = task.position();
      const accesses = [...task.step()];
      execution.push({ name: `${t}.${steps[t]!++}`, accesses });
      visit();
      execution.pop();
      steps[t]!--;
      store.rollback(mark);
      task.restore(position);
    }
  };
  for (const task of tasks) task.start();
  visit();
  store.rollback(begin);
  store.commit();
  return classes.size;
}

/** Which dependent steps of different threads come before which. */
function classOf(execution: readonly Event[]): string {
  const order: string[] = [];
  for (const [i, after] of execution.entries()) {
    for (const before of execution.slice(0, i)) {
      if (!independent(before.accesses, after.accesses)) order.push(`${before.name}<${after.name}`);
    }
  }
  return order.sort().join();
}

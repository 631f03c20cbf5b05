import type { Pending } from "../access.js";
import { Lock } from "../lock.js";
import { Kind } from "../shared-object.js";
import type { Store } from "../store.js";

/** What a step begins with: the lock taken, the value read, the choice made. */
export function describe({ kind, object, name }: Pending, outcome: number): string {
  if (kind === Kind.Choose) return `${name}: outcome ${outcome}`;
  if (object === null) return name;
  switch (kind) {
    case Kind.Read:
      return `reads ${name}`;
    case Kind.Write:
      return `writes ${name}`;
    case Kind.Acquire:
      return `takes ${name}`;
    case Kind.AcquireShared:
      return `takes ${name} for reading`;
    case Kind.Wait:
      return `goes on after waiting for ${name}`;
    default:
      return name;
  }
}

/** What a task that cannot move waits for, and who holds it. */
export function waitsFor(store: Store, task: string, { object, name }: Pending): string {
  const holders = object instanceof Lock ? object.holders() : [];
  const by = holders.length > 0 ? `, held by ${holders.map((tid) => store.taskName(tid)).join(", ")}` : "";
  return `${task} waits for ${name}${by}`;
}

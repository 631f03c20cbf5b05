import { Kind, type Shared, WHOLE } from "./shared-object.js";

/** One access of a step: what {@link independent} looks at. */
export interface Access {
  readonly object: Shared | null;
  readonly kind: Kind;
  /** Which word or entry of the object; only meaningful where the object is keyed. */
  readonly key: number;
}

/** The access that a suspended task makes next. */
export interface Pending extends Access {
  /** What a person calls it: the object's name, the atomic step's, the choice's. */
  readonly name: string;
  /** Number of outcomes of a choice, else 1. */
  readonly outcomes: number;
  /** When an atomic step can be made. */
  readonly when: (() => boolean) | null;
}

/** Is it the access that was expected? */
export function isSame(expected: Pending | null, pending: Pending): boolean {
  return (
    expected !== null &&
    expected.object === pending.object &&
    expected.kind === pending.kind &&
    expected.key === pending.key &&
    expected.name === pending.name &&
    expected.outcomes === pending.outcomes
  );
}

/** Do two steps lead to the same state in either order, and neither enable or disable the other? */
export function independent(a: readonly Access[], b: readonly Access[]): boolean {
  return !a.some((x) => b.some((y) => conflict(x, y)));
}

function conflict(x: Access, y: Access): boolean {
  if (x.object === null || y.object === null) return (isWhen(x) && changes(y)) || (isWhen(y) && changes(x));
  if (x.object !== y.object) return false;
  if (x.object.keyed && x.key !== y.key && x.key !== WHOLE && y.key !== WHOLE) return false;
  if (x.kind === Kind.Read && y.kind === Kind.Read) return false;
  return !(x.kind === Kind.AcquireShared && y.kind === Kind.AcquireShared);
}

/** An atomic step that can only be made in some states: which ones, nobody knows. */
function isWhen(access: Access): boolean {
  return access.object === null && access.kind === Kind.Wait;
}

function changes(access: Access): boolean {
  return access.object !== null && access.kind !== Kind.Read;
}

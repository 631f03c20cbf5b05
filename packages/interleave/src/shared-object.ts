import type { Lock } from "./lock.js";
import type { Store } from "./store.js";

/** What an access does to a shared object. Two accesses conflict unless both only read. */
export const Kind = {
  Read: 0,
  Write: 1,
  /** Takes a lock exclusively; waits until it can. */
  Acquire: 2,
  /** Takes a lock for reading; waits until it can. */
  AcquireShared: 3,
  Release: 4,
  /** Waits until something else has happened. */
  Wait: 5,
  /** Creates an object that no other task knows yet. */
  Create: 6,
  /** Takes one of several possible outcomes. */
  Choose: 7,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** The key of an access that may touch any key of a keyed object. */
export const WHOLE = -1;

/** What {@link Shared.digest} says of an object whose accesses cannot be foretold. */
export const OPAQUE: unique symbol = Symbol("opaque");

/**
 * Who may touch an object.
 * - no guard: anybody at any time; every access is a scheduling point.
 * - `lock`: only with that lock held (reads: in any mode; writes: exclusively). Such accesses commute with
 *   everything that other tasks can do meanwhile, so they are no scheduling points. An access without the lock
 *   throws a {@link GuardError}.
 * - `lock` and `lockless`: writers hold the lock exclusively, readers need not (the kernel's READ_ONCE and
 *   WRITE_ONCE): writes are scheduling points, and so are reads without the lock.
 */
export interface Guard {
  readonly lock: Lock;
  readonly lockless?: boolean;
}

/** An object that two tasks can reach: everything in it is journalled by its {@link Store}. */
export abstract class Shared {
  /** Unique within the store, and the same however the tasks that create objects are interleaved. */
  readonly id: number;
  readonly guard: Guard | null;
  /** Accesses to different keys of it do not touch each other. */
  readonly keyed: boolean = false;
  readonly #lock: Lock | null;
  readonly #lockless: boolean;

  constructor(
    readonly store: Store,
    /** As a kernel developer would write it: `kvm->mmu_invalidate_seq`. Shown in traces and errors. */
    readonly name: string,
    guard?: Guard,
  ) {
    this.id = store.identify(this);
    this.guard = guard ?? null;
    this.#lock = guard?.lock ?? null;
    this.#lockless = guard?.lockless === true;
  }

  /** Puts the old value back; called by the store, in the reverse order of the changes. */
  abstract restore(key: number, old: unknown): void;

  /** Makes a change again that was undone, from the state in which it was made first. */
  redo(key: number, now: unknown): void {
    this.restore(key, now);
  }

  /**
   * All that an access with this key depends on and changes, as a value that `===` tells apart: lets the explorer make
   * a step again without running its path. It may be given where {@link redo} works for every change that the object
   * journals. {@link OPAQUE}, the default: every step that touches the object is run.
   */
  digest(_key: number): unknown {
    return OPAQUE;
  }

  /** Is another task's access possible just before this one, and does it matter? */
  isPoint(kind: Kind): boolean {
    const lock = this.#lock;
    if (lock === null) return true;
    return this.#lockless && (kind !== Kind.Read || !lock.isHeld());
  }

  /** Can a task that stands before this access make it now? */
  isEnabled(_kind: Kind, _task: number, _key: number): boolean {
    return true;
  }

  /** Throws unless the current task holds what the guard asks for. */
  protected checkGuard(kind: Kind): void {
    const lock = this.#lock;
    if (lock === null) return;
    if (kind === Kind.Read) {
      if (this.#lockless || lock.isHeld()) return;
    } else if (lock.isHeldExclusively()) return;
    throw new GuardError(this, kind, lock);
  }
}

/** Guarded state was touched without its lock: a data race in the code that touched it. */
export class GuardError extends Error {
  override name = "GuardError";
  constructor(
    readonly object: Shared,
    readonly kind: Kind,
    readonly lock: Lock,
  ) {
    super(
      `${kind === Kind.Read ? "read of" : "write to"} ${object.name} without ${lock.name}` +
        (kind === Kind.Read ? "" : " held exclusively"),
    );
  }
}

import type { Pending } from "../access.js";
import type { Log } from "../log.js";
import type { Snapshot } from "../position.js";
import type { Shared } from "../shared-object.js";
import type { Delta } from "../store.js";

/** What ends a path: an error that was thrown, or a task that blocks on itself. */
export interface Failure {
  readonly kind: "error" | "deadlock";
  readonly message: string;
}

/** A step of one task, from one place, in all states that look the same to it. */
export class Move {
  /** How often it was made again without running its path. */
  hits = 0;

  constructor(
    readonly task: number,
    readonly from: Place,
    readonly outcome: number,
    /** Null where it fails. */
    readonly to: Place | null,
    readonly failure: Failure | null,
    readonly delta: Delta,
    readonly footprint: number,
  ) {}
}

/** What a step does next depends on the state of this object: one branch for each digest that was met. */
export class Branch {
  readonly digests: unknown[] = [];
  readonly next: (Branch | Move)[] = [];

  constructor(
    readonly object: Shared,
    readonly key: number,
  ) {}
}

/**
 * Where a task stands between two steps: with the shared state, all that decides what it does. Its log is kept as
 * what the step that led here added to its predecessor's.
 */
export class Place {
  /** The steps that were made from here, by outcome. */
  readonly steps: (Branch | Move | undefined)[] = [];
  /** Can the task come back here within the same call? As far as is known. */
  isLoop = false;
  /** May its next step be unobservable? As of this version of what is known. */
  fusableAt = -1;
  isFusable = false;
  /** The number of the last transition that passed through here. */
  passed = 0;
  /** Before a choice: where each outcome leads, once it is known that nothing else decides that. */
  choices: readonly Place[] | null = null;

  constructor(
    /** Its part of a state's hash. */
    readonly lo: number,
    readonly hi: number,
    /** Its identity among the task's places. */
    readonly key: number,
    private readonly parent: Place | null,
    private readonly kept: number,
    private readonly log: Log,
    private readonly rest: Omit<Snapshot, "log">,
  ) {}

  get call(): number {
    return this.rest.call;
  }

  /** Has the call that comes next not accessed anything yet? Then the task is not in the midst of a call. */
  get isBetweenCalls(): boolean {
    return this.kept === 0 && this.log.values.length === 0;
  }

  get pending(): Pending | null {
    return this.rest.pending;
  }

  get results(): readonly unknown[] {
    return this.rest.results;
  }

  snapshot(): Snapshot {
    const log: Log = { values: [], objects: [], kinds: [], lo: [], hi: [] };
    let length = this.kept + this.log.values.length;
    const chain: [Log, number][] = [];
    for (let place: Place | null = this; place !== null && length > 0; place = place.parent) {
      if (length > place.kept) {
        chain.push([place.log, length - place.kept]);
        length = place.kept;
      }
    }
    for (const [part, count] of chain.reverse()) {
      for (let i = 0; i < count; i++) {
        log.values.push(part.values[i]);
        log.objects.push(part.objects[i]!);
        log.kinds.push(part.kinds[i]!);
        log.lo.push(part.lo[i]!);
        log.hi.push(part.hi[i]!);
      }
    }
    return { ...this.rest, log };
  }
}

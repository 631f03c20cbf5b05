import { hashInto, hashOf, mix, outHi, outLo } from "./hash.js";
import { LockError } from "./lock.js";
import { Kind, OPAQUE, Shared, WHOLE } from "./shared.js";
import type { Delta, Store } from "./store.js";
import { WaitError } from "./wait-queue.js";

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

/** A call of a task: an ordinary function, a path through shared state. */
export type Call = (results: readonly unknown[]) => unknown;

/** Where a task stands, to return to it: its logs are only ever appended to, or replaced. */
export interface Position {
  readonly call: number;
  readonly log: Log;
  readonly length: number;
  readonly created: number;
  readonly results: number;
  readonly doneLo: number;
  readonly doneHi: number;
  readonly pending: Pending | null;
}

/** What a call has observed since it began, and a running hash of it. */
export interface Log {
  readonly values: unknown[];
  readonly objects: number[];
  readonly kinds: number[];
  readonly lo: number[];
  readonly hi: number[];
}

/** All that a task is, between two steps: to be taken up again at any time, also by {@link Suspendable.load}. */
export interface Snapshot {
  readonly call: number;
  /** Given away: {@link Suspendable.load} writes on in it. */
  readonly log: Log;
  readonly created: number;
  readonly results: readonly unknown[];
  readonly doneLo: number;
  readonly doneHi: number;
  readonly pending: Pending | null;
}

/** What the last step depended on, noted while {@link Suspendable.notes} is set. */
export interface Notes {
  /** Objects and keys whose state it looked at, and their digests from before the step. */
  readonly objects: Shared[];
  readonly keys: number[];
  readonly digests: unknown[];
  /** What it peeked at, which is no access. */
  readonly peeked: Access[];
  /** It touched what has no digest, or created what cannot be created again. */
  isOpaque: boolean;
}

/** What creations have made, by the identity of the creation, so that each is the same object whenever it is made. */
export type Creations = Map<string, Creation>;

interface Creation {
  readonly made: unknown;
  readonly newborn: readonly Shared[];
  /** What the constructors changed. */
  readonly delta: Delta;
  /** How many objects the task had created afterwards. */
  readonly created: number;
}

/** Thrown through a path to stop it before its next access; nothing may catch it. */
const SUSPEND = Symbol("suspend");

/** A replay took another way than before: the path depends on something that is neither logged nor its argument. */
export class ReplayError extends Error {
  override name = "ReplayError";
}

/** A body of {@link repeat} returns this to be run again from its beginning. */
export const AGAIN: unique symbol = Symbol("again");

/** How often a path may repeat itself, with no other task between, before it is said never to end. */
const REPEAT_LIMIT = 10_000;

/** A retry loop never gets through: no other task can change meanwhile what it waits for. */
export class LivelockError extends Error {
  override name = "LivelockError";
}

/**
 * Runs `body` until it returns something other than {@link AGAIN}: the kernel's retry loops. No local state may
 * pass from one round to the next, so that explored rounds that change nothing lead back to the same state.
 */
export function repeat<T>(store: Store, name: string, body: () => T | typeof AGAIN): T {
  const { task } = store;
  if (task !== null && !task.creating) return task.repeat(name, body);
  for (let round = 0; round < REPEAT_LIMIT; round++) {
    const result = body();
    if (result !== AGAIN) return result;
  }
  throw endless(name);
}

function endless(name: string): LivelockError {
  return new LivelockError(`${name} repeats for ever: ${REPEAT_LIMIT} rounds in a row did not get through`);
}

/**
 * A task under exploration. Its calls are ordinary functions. To make a step, the current call is run again from
 * its start: accesses that it has made before return what they returned then, the next one is made, and the call is
 * stopped before the one after that.
 */
export class Suspendable {
  /** Set while an object is being created: what its constructor does to it is nobody else's business. */
  creating = false;

  readonly #results: unknown[] = [];
  #call = 0;
  #log: Log = newLog();
  #cursor = 0;
  #created = 0;
  /** What the creation under way has made. */
  readonly #newborn = new Set<Shared>();
  readonly #number: number;
  #doneLo = 0;
  #doneHi = 0;
  #pending: Pending | null = null;
  /** What was pending when the step began: the replay has to lead there. */
  #expected: Pending | null = null;
  #budget = 0;
  #outcome = 0;
  #inAtomic = false;
  #suspended = false;
  #steps: Access[] = [];
  /** How much of the log is what it was when the step began. */
  #kept = 0;
  /** Set by an explorer that wants to make steps again without running them. */
  notes: Notes | null = null;
  creations: Creations | null = null;
  /** Called at each access of a step, not of those that are repeated. */
  onAccess: ((access: Access) => void) | null = null;
  /** Called with what an access observed or wrote, once it has been made. */
  onObserved: ((value: unknown) => void) | null = null;
  readonly #madeInStep = new Set<Shared>();

  constructor(
    readonly store: Store,
    readonly tid: number,
    readonly name: string,
    readonly calls: readonly Call[],
  ) {
    this.#number = store.enlist();
  }

  get isDone(): boolean {
    return this.#call === this.calls.length;
  }

  /** Index of the call that it is in. */
  get call(): number {
    return this.#call;
  }

  /** What its finished calls returned. */
  get results(): readonly unknown[] {
    return this.#results;
  }

  /** What it does next; null when it is done. */
  get pending(): Pending | null {
    return this.#pending;
  }

  /** Is it on its way to where the last step ended? */
  get isReplaying(): boolean {
    return this.#budget > 0;
  }

  /** The accesses of the last step, also of one that ended in an error. */
  get accesses(): readonly Access[] {
    return this.#steps;
  }

  /** Can it make its next access now? */
  isEnabled(): boolean {
    const pending = this.#pending;
    if (pending === null) return false;
    if (pending.when !== null) return pending.when();
    return pending.object === null || pending.object.isEnabled(pending.kind, this.tid, pending.key);
  }

  /** Runs to the first access, which is not yet made. */
  start(): void {
    this.#run(0, 0);
  }

  /**
   * Makes the pending access and goes on to the next scheduling point.
   * @param outcome which outcome of a choice
   * @returns the accesses of the step, in order
   * @throws whatever the path throws
   */
  step(outcome = 0): readonly Access[] {
    this.#run(1, outcome);
    return this.#steps;
  }

  #run(budget: number, outcome: number): void {
    const { store } = this;
    if (store.task !== null) throw new Error(`${this.name} cannot move while ${store.task.name} does`);
    const { tid } = store;
    this.#budget = budget;
    this.#outcome = outcome;
    this.#steps = [];
    this.#suspended = false;
    this.#inAtomic = false;
    this.#expected = this.#pending;
    this.#pending = null;
    this.#kept = this.#log.values.length;
    if (this.notes !== null) clear(this.notes);
    if (this.#madeInStep.size > 0) this.#madeInStep.clear();
    store.task = this;
    store.tid = this.tid;
    try {
      while (!this.isDone) {
        this.#cursor = 0;
        const result = this.calls[this.#call]!(this.#results);
        if (result instanceof Promise) {
          result.catch(() => undefined);
          throw new ReplayError(`${this.name} makes a call that is asynchronous`);
        }
        if (this.#suspended || this.#isBroken) this.#refuseCatch();
        if (this.isReplaying) {
          throw new ReplayError(`${this.name} ended before it had repeated what it did before`);
        }
        this.#finish(result);
      }
    } catch (thrown) {
      if (thrown !== SUSPEND) throw thrown;
    } finally {
      store.task = null;
      store.tid = tid;
    }
  }

  /** An access was begun that observed nothing: it threw. */
  get #isBroken(): boolean {
    return this.#log.objects.length !== this.#log.values.length;
  }

  #refuseCatch(): never {
    throw new ReplayError(
      this.#suspended
        ? `${this.name} went on after it was suspended: does a path catch or use finally?`
        : `${this.name} went on in or after an access that failed: does a path catch, or access within an update?`,
    );
  }

  #finish(result: unknown): void {
    const held = this.store.held.of(this.tid);
    if (held.length > 0) {
      const names = held.map((lock) => lock.name).join(", ");
      throw new LockError(held[0]!, `${this.name} returned from a call holding ${names}`);
    }
    this.#results.push(result);
    this.#call++;
    const [lo, hi] = hashOf(result);
    this.#doneLo = mix(this.#doneLo + this.#call, lo);
    this.#doneHi = mix(this.#doneHi + this.#call, hi);
    this.#log = newLog();
    this.#kept = 0;
  }

  /** What the last step added to the log, and behind how many entries. */
  addition(): { readonly kept: number; readonly log: Log } {
    return { kept: this.#kept, log: slice(this.#log, this.#kept, this.#log.values.length) };
  }

  /** Everything but the log, which {@link addition} has. */
  snapshot(): Omit<Snapshot, "log"> {
    return {
      call: this.#call,
      created: this.#created,
      results: this.#results.slice(),
      doneLo: this.#doneLo,
      doneHi: this.#doneHi,
      pending: this.#pending,
    };
  }

  /** Becomes what a snapshot says, wherever it stands now; earlier positions are void. */
  load(snapshot: Snapshot): void {
    this.#call = snapshot.call;
    this.#log = snapshot.log;
    this.#created = snapshot.created;
    this.#results.splice(0, this.#results.length, ...snapshot.results);
    this.#doneLo = snapshot.doneLo;
    this.#doneHi = snapshot.doneHi;
    this.#pending = snapshot.pending;
  }

  position(): Position {
    return {
      call: this.#call,
      log: this.#log,
      length: this.#log.values.length,
      created: this.#created,
      results: this.#results.length,
      doneLo: this.#doneLo,
      doneHi: this.#doneHi,
      pending: this.#pending,
    };
  }

  /**
   * Returns to an earlier position of the same run; those taken after it are void. The store is rolled back by its
   * owner.
   */
  restore(position: Position): void {
    if (position.log.values.length < position.length || position.results > this.#results.length) {
      throw new RangeError(`${this.name} cannot return to a position that it has left behind`);
    }
    this.#call = position.call;
    this.#log = position.log;
    truncate(this.#log, position.length);
    this.#created = position.created;
    this.#results.length = position.results;
    this.#doneLo = position.doneLo;
    this.#doneHi = position.doneHi;
    this.#pending = position.pending;
  }

  /** Hash of all that decides what the task will do: its call and what it has observed since the call began. */
  hash(): readonly [lo: number, hi: number] {
    const { lo, hi } = this.#log;
    const last = lo.length - 1;
    return [
      mix(this.#doneLo, last < 0 ? this.#call : lo[last]!) >>> 0,
      mix(this.#doneHi, last < 0 ? ~this.#call : hi[last]!) >>> 0,
    ];
  }

  /**
   * Called by a shared object at each access. True: the access was made before, take {@link recorded}. False: make
   * it now, then {@link record} what it observed. Does not return at all when the step ends here.
   */
  replays(object: Shared | null, kind: Kind, key: number): boolean {
    if (this.creating) {
      this.#checkNewborn(object);
      return false;
    }
    if (this.#follows(object, kind, key)) return true;
    if (!this.#inAtomic && object?.isPoint(kind)) {
      this.#arrive({ object, kind, key, name: object.name, outcomes: 1, when: null });
    }
    this.#begin(object, kind, key);
    return false;
  }

  /** Was this access made before? */
  #follows(object: Shared | null, kind: Kind, key: number): boolean {
    if (this.#suspended || this.#isBroken) this.#refuseCatch();
    const log = this.#log;
    const at = this.#cursor;
    if (at === log.values.length) return false;
    if (log.objects[at] !== (object === null ? 0 : object.id) || log.kinds[at] !== kind + 8 * key) {
      this.#diverge(object?.name ?? "something else");
    }
    return true;
  }

  #begin(object: Shared | null, kind: Kind, key: number): void {
    if (this.#budget > 0) this.#diverge(object?.name ?? "something else");
    const access = { object, kind, key };
    this.#steps.push(access);
    if (this.notes !== null && object !== null) this.#note(this.notes, object, key);
    if (this.onAccess !== null) this.onAccess(access);
    this.#log.objects.push(object === null ? 0 : object.id);
    this.#log.kinds.push(kind + 8 * key);
  }

  /** Called by a shared object that is looked at without an access. */
  peeks(object: Shared, key: number): void {
    const { notes } = this;
    if (notes === null || this.creating || this.isReplaying || this.#madeInStep.has(object)) return;
    this.#note(notes, object, key);
    notes.peeked.push({ object, kind: Kind.Read, key });
  }

  #note(notes: Notes, object: Shared, key: number): void {
    if (this.#madeInStep.has(object)) return;
    const { objects, keys } = notes;
    const at = object.keyed ? key : 0;
    for (let i = objects.length - 1; i >= 0; i--) if (objects[i] === object && keys[i] === at) return;
    const digest = object.digest(at);
    if (digest === OPAQUE) notes.isOpaque = true;
    objects.push(object);
    keys.push(at);
    notes.digests.push(digest);
  }

  #diverge(to: string): never {
    const what = `access ${this.#cursor} of call ${this.#call} is now to ${to}`;
    throw new ReplayError(`${this.name} does not repeat what it did before: ${what}`);
  }

  /** The next logged observation. */
  recorded(): unknown {
    return this.#log.values[this.#cursor++];
  }

  /** {@link recorded}, for a write of `value`, which has to be what was written then. */
  repeats(value: unknown): void {
    const before = this.#log.values[this.#cursor++];
    if (Object.is(before, value)) return;
    // Arrays and records are made anew each time.
    if (isContent(before) && isContent(value)) return;
    const what = `access ${this.#cursor - 1} of call ${this.#call} now writes ${show(value)}, not ${show(before)}`;
    throw new ReplayError(`${this.name} does not repeat what it did before: ${what}`);
  }

  record(value: unknown): void {
    if (!this.creating) this.#observe(value, value);
  }

  #observe(value: unknown, content: unknown): void {
    const log = this.#log;
    const n = log.values.length;
    hashInto(content, 0x3c6ef372, 0x6a09e667);
    log.lo.push(mix(n === 0 ? this.#call : log.lo[n - 1]!, outLo));
    log.hi.push(mix(n === 0 ? ~this.#call : log.hi[n - 1]!, outHi));
    log.values.push(value);
    this.#cursor++;
    if (this.onObserved !== null) this.onObserved(value);
  }

  create<T>(make: () => T): T {
    if (this.creating) return make();
    if (this.#follows(null, Kind.Create, 0)) return this.recorded() as T;
    this.#begin(null, Kind.Create, 0);
    const { creations } = this;
    const identity = creations === null ? "" : `${this.#number} ${this.hash().join(" ")} ${this.#created}`;
    const before = creations?.get(identity);
    if (before !== undefined) {
      this.store.replay(before.delta);
      this.#created = before.created;
      for (const object of before.newborn) this.#madeInStep.add(object);
      this.#observe(before.made, undefined);
      return before.made as T;
    }
    const from = this.store.changes;
    this.creating = true;
    try {
      const made = make();
      for (const object of this.#newborn) this.#madeInStep.add(object);
      if (creations !== null) this.#remember(creations, identity, made, from);
      // What it made follows from what it had observed.
      this.#observe(made, undefined);
      return made;
    } finally {
      this.creating = false;
      this.#newborn.clear();
    }
  }

  #remember(creations: Creations, identity: string, made: unknown, from: number): void {
    const delta = this.store.copy(from);
    // What cannot be made again gives way to creating anew each time, for all of this task.
    if (delta.objects.some((object, i) => object.digest(delta.keys[i]!) === OPAQUE)) this.creations = null;
    else creations.set(identity, { made, newborn: [...this.#newborn], delta, created: this.#created });
  }

  /**
   * The identity of a new object: a hash of who creates it, how many were created before, and all that the call had
   * observed. Whatever in the object depends on these and never changes is thereby part of the state's hash.
   */
  identify(object: Shared): number {
    if (!this.creating) throw new ReplayError(`${this.name} creates ${object.name} outside of store.create`);
    this.#newborn.add(object);
    const [lo, hi] = this.hash();
    const count = ++this.#created;
    const low = mix(mix(lo, this.#number), count) >>> 0;
    const high = mix(mix(hi, count), this.#number) >>> 11;
    return -(high * 0x1_0000_0000 + low) - 1;
  }

  #checkNewborn(object: Shared | null): void {
    if (object === null || this.#newborn.has(object)) return;
    throw new ReplayError(
      `${this.name} uses ${object.name} while it creates another object: do so before or after`,
    );
  }

  choose(name: string, count: number): number {
    if (this.creating || this.#inAtomic) {
      throw new Error(`${this.name} chooses ${name} within one step: choose before it`);
    }
    if (this.#follows(null, Kind.Choose, 0)) return this.recorded() as number;
    this.#arrive({ object: null, kind: Kind.Choose, key: 0, name, outcomes: count, when: null });
    this.#begin(null, Kind.Choose, 0);
    if (!(this.#outcome < count)) throw new RangeError(`${name} has no outcome ${this.#outcome}`);
    this.record(this.#outcome);
    return this.#outcome;
  }

  atomic<T>(name: string, body: () => T, when: (() => boolean) | null): T {
    if (this.#inAtomic || this.creating) {
      if (when !== null && !when()) {
        throw new WaitError(null, `${this.name} waits for ${name} within one step`);
      }
      return body();
    }
    const kind = when === null ? Kind.Write : Kind.Wait;
    if (this.#follows(null, kind, 0)) this.recorded();
    else {
      this.#arrive({ object: null, kind, key: 0, name, outcomes: 1, when });
      this.#begin(null, kind, 0);
      this.record(undefined);
    }
    this.#inAtomic = true;
    try {
      return body();
    } finally {
      this.#inAtomic = false;
    }
  }

  repeat<T>(name: string, body: () => T | typeof AGAIN): T {
    const begin = this.#cursor;
    for (let round = 0; round < REPEAT_LIMIT; round++) {
      const result = body();
      if (result !== AGAIN) return result;
      if (this.#suspended || this.#isBroken) this.#refuseCatch();
      if (this.isReplaying) throw new ReplayError(`${this.name} repeats a round that it had left behind`);
      // What the round observed no longer matters. Positions saved earlier keep the old log.
      this.#log = slice(this.#log, 0, begin);
      this.#cursor = begin;
      if (begin < this.#kept) this.#kept = begin;
    }
    throw endless(name);
  }

  #arrive(pending: Pending): void {
    if (this.#budget > 0) {
      const expected = this.#expected;
      if (
        expected === null ||
        expected.object !== pending.object ||
        expected.kind !== pending.kind ||
        expected.key !== pending.key ||
        expected.name !== pending.name ||
        expected.outcomes !== pending.outcomes
      ) {
        this.#diverge(pending.name);
      }
      this.#budget--;
      return;
    }
    this.#pending = pending;
    this.#suspended = true;
    throw SUSPEND;
  }
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

/** An array or a record, which counts by its content. */
function isContent(value: unknown): boolean {
  return typeof value === "object" && value !== null && !(value instanceof Shared);
}

function show(value: unknown): string {
  return value instanceof Shared ? value.name : String(value);
}

function newLog(): Log {
  return { values: [], objects: [], kinds: [], lo: [], hi: [] };
}

function truncate(log: Log, length: number): void {
  log.values.length = log.objects.length = log.kinds.length = log.lo.length = log.hi.length = length;
}

function slice(log: Log, from: number, to: number): Log {
  return {
    values: log.values.slice(from, to),
    objects: log.objects.slice(from, to),
    kinds: log.kinds.slice(from, to),
    lo: log.lo.slice(from, to),
    hi: log.hi.slice(from, to),
  };
}

function clear(notes: Notes): void {
  notes.objects.length = notes.keys.length = notes.digests.length = notes.peeked.length = 0;
  notes.isOpaque = false;
}

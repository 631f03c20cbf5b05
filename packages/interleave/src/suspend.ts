import { type Access, isSame, type Pending } from "./access.js";
import { Creator } from "./creator.js";
import { hashOf, mix } from "./hash.js";
import { LockError } from "./lock.js";
import { append, type Log, newLog, repeatsWrite, show, slice, truncate } from "./log.js";
import type { Notes } from "./notes.js";
import type { Position, Snapshot } from "./position.js";
import { AGAIN, endless, REPEAT_LIMIT } from "./repeat.js";
import { ReplayError } from "./replay-error.js";
import { Kind, type Shared } from "./shared-object.js";
import type { Store } from "./store.js";
import { WaitError } from "./wait-queue.js";

/** A call of a task: an ordinary function, a path through shared state. */
export type Call = (results: readonly unknown[]) => unknown;

/** Thrown through a path to stop it before its next access; nothing may catch it. */
const SUSPEND = Symbol("suspend");

/**
 * A task under exploration. Its calls are ordinary functions. To make a step, the current call is run again from
 * its start: accesses that it has made before return what they returned then, the next one is made, and the call is
 * stopped before the one after that.
 */
export class Suspendable {
  readonly #results: unknown[] = [];
  #call = 0;
  #log: Log = newLog();
  #cursor = 0;
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
  readonly creator: Creator;
  /** Called at each access of a step, not of those that are repeated. */
  onAccess: ((access: Access) => void) | null = null;
  /** Called with what an access observed or wrote, once it has been made. */
  onObserved: ((value: unknown) => void) | null = null;

  constructor(
    readonly store: Store,
    readonly tid: number,
    readonly name: string,
    readonly calls: readonly Call[],
  ) {
    this.creator = new Creator(store, name);
  }

  /** Is an object being created? */
  get creating(): boolean {
    return this.creator.isAtWork;
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
    this.notes?.clear();
    this.creator.beginStep();
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
      created: this.creator.count,
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
    this.creator.count = snapshot.created;
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
      created: this.creator.count,
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
    this.creator.count = position.created;
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
      this.creator.checkNewborn(object);
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
      this.#diverge(`is now to ${object?.name ?? "something else"}`);
    }
    return true;
  }

  #begin(object: Shared | null, kind: Kind, key: number): void {
    if (this.#budget > 0) this.#diverge(`is now to ${object?.name ?? "something else"}`);
    const access = { object, kind, key };
    this.#steps.push(access);
    const { notes, creator } = this;
    if (notes !== null && object !== null && !creator.hasJustMade(object)) notes.look(object, key);
    if (this.onAccess !== null) this.onAccess(access);
    this.#log.objects.push(object === null ? 0 : object.id);
    this.#log.kinds.push(kind + 8 * key);
  }

  /** Called by a shared object that is looked at without an access. */
  peeks(object: Shared, key: number): void {
    const { notes } = this;
    if (notes === null || this.creating || this.isReplaying || this.creator.hasJustMade(object)) return;
    notes.look(object, key);
    notes.peeked.push({ object, kind: Kind.Read, key });
  }

  #diverge(how: string): never {
    const what = `access ${this.#cursor} of call ${this.#call} ${how}`;
    throw new ReplayError(`${this.name} does not repeat what it did before: ${what}`);
  }

  /** The next logged observation. */
  recorded(): unknown {
    return this.#log.values[this.#cursor++];
  }

  /** {@link recorded}, for a write of `value`, which has to be what was written then. */
  repeats(value: unknown): void {
    const before = this.#log.values[this.#cursor];
    if (!repeatsWrite(before, value)) this.#diverge(`now writes ${show(value)}, not ${show(before)}`);
    this.#cursor++;
  }

  record(value: unknown): void {
    if (!this.creating) this.#observe(value, value);
  }

  #observe(value: unknown, content: unknown): void {
    append(this.#log, this.#call, value, content);
    this.#cursor++;
    if (this.onObserved !== null) this.onObserved(value);
  }

  create<T>(make: () => T): T {
    if (this.creating) return make();
    if (this.#follows(null, Kind.Create, 0)) return this.recorded() as T;
    this.#begin(null, Kind.Create, 0);
    const made = this.creator.create(make, this.hash());
    // What it made follows from what it had observed.
    this.#observe(made, undefined);
    return made;
  }

  /** The identity of an object that it creates. */
  identify(object: Shared): number {
    return this.creator.identify(object);
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
      if (!isSame(this.#expected, pending)) this.#diverge(`is now to ${pending.name}`);
      this.#budget--;
      return;
    }
    this.#pending = pending;
    this.#suspended = true;
    throw SUSPEND;
  }
}

import { mix } from "./hash.js";
import { ReplayError } from "./replay-error.js";
import { OPAQUE, type Shared } from "./shared-object.js";
import type { Delta, Store } from "./store.js";

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

/** Makes the objects that a task creates, so that each has the same identity in every interleaving. */
export class Creator {
  /** An object is being created: what its constructor does to it is nobody else's business. */
  isAtWork = false;
  /** How many objects the task has created. */
  count = 0;
  /** Set by an explorer that wants to make creations again without running them. */
  memory: Creations | null = null;

  readonly #number: number;
  /** What the creation under way has made. */
  readonly #newborn = new Set<Shared>();
  readonly #madeInStep = new Set<Shared>();
  /** Of all that the call had observed before the creation under way. */
  #hash: readonly [lo: number, hi: number] = [0, 0];

  constructor(
    private readonly store: Store,
    private readonly task: string,
  ) {
    this.#number = store.enlist();
  }

  beginStep(): void {
    if (this.#madeInStep.size > 0) this.#madeInStep.clear();
  }

  /** Did the present step make it? */
  hasJustMade(object: Shared): boolean {
    return this.#madeInStep.has(object);
  }

  /** @param hash of all that the call has observed */
  create<T>(make: () => T, hash: readonly [lo: number, hi: number]): T {
    const { store, memory } = this;
    const identity = memory === null ? "" : `${this.#number} ${hash.join(" ")} ${this.count}`;
    const before = memory?.get(identity);
    if (before !== undefined) {
      store.replay(before.delta);
      this.count = before.created;
      for (const object of before.newborn) this.#madeInStep.add(object);
      return before.made as T;
    }
    const from = store.changes;
    this.isAtWork = true;
    this.#hash = hash;
    try {
      const made = make();
      for (const object of this.#newborn) this.#madeInStep.add(object);
      if (memory !== null) this.#remember(memory, identity, made, from);
      return made;
    } finally {
      this.isAtWork = false;
      this.#newborn.clear();
    }
  }

  #remember(memory: Creations, identity: string, made: unknown, from: number): void {
    const delta = this.store.copy(from);
    // What cannot be made again gives way to creating anew each time, for all of this task.
    if (delta.objects.some((object, i) => object.digest(delta.keys[i]!) === OPAQUE)) this.memory = null;
    else memory.set(identity, { made, newborn: [...this.#newborn], delta, created: this.count });
  }

  /**
   * The identity of a new object: a hash of who creates it, how many were created before, and all that the call had
   * observed. Whatever in the object depends on these and never changes is thereby part of the state's hash.
   */
  identify(object: Shared): number {
    if (!this.isAtWork) throw new ReplayError(`${this.task} creates ${object.name} outside of store.create`);
    this.#newborn.add(object);
    const [lo, hi] = this.#hash;
    const count = ++this.count;
    const low = mix(mix(lo, this.#number), count) >>> 0;
    const high = mix(mix(hi, count), this.#number) >>> 11;
    return -(high * 0x1_0000_0000 + low) - 1;
  }

  /** A constructor may access only what it makes. */
  checkNewborn(object: Shared | null): void {
    if (object === null || this.#newborn.has(object)) return;
    throw new ReplayError(
      `${this.task} uses ${object.name} while it creates another object: do so before or after`,
    );
  }
}

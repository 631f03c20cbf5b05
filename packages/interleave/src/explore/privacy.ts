import type { Access, Pending } from "../access.js";
import { Kind, type Shared, WHOLE } from "../shared-object.js";

/** Who does what to an object, or to a key of it: sets of tasks as bits. */
interface Users {
  readers: number;
  writers: number;
  /** Tasks whose reads of it were taken for unobservable: nobody else may write. */
  privateReads: number;
  /** Tasks whose writes were: nobody else may access it. */
  privateWrites: number;
}

/**
 * What is known of who accesses what, to tell the steps that nobody else can observe: reads of what no other task ever
 * writes, and all accesses to what no other task ever accesses. It is learnt while exploring. When it turns out that
 * a step was taken for unobservable which is not, the exploration is {@link isRefuted}, and starts again with what is
 * known by then. (The idea is that of dynamic escape analysis; Dwyer et al., Exploiting object escape and locking
 * information in partial-order reductions, 2004.)
 */
export class Privacy {
  readonly #objects = new Map<number, Map<number, Users>>();
  /** Objects of which all keys were accessed at once: their keys are not told apart. By identity, like the others. */
  readonly #coarse = new Set<number>();
  /** Tasks with steps whose condition may depend on anything. */
  #conditional = 0;
  /** Rises with all that becomes known. */
  version = 0;
  isRefuted = false;

  /** @param hidesWrites whether nobody looks at states between steps */
  constructor(private readonly hidesWrites: boolean) {}

  /** Takes nothing for granted any more; what is known remains. */
  restart(): void {
    this.isRefuted = false;
    for (const keys of this.#objects.values()) {
      for (const users of keys.values()) users.privateReads = users.privateWrites = 0;
    }
  }

  /** Takes note that a task makes these accesses. */
  note(t: number, accesses: readonly Access[]): void {
    const bit = 1 << t;
    for (const { object, kind, key } of accesses) {
      if (object === null) {
        if (kind === Kind.Wait) this.#noteCondition(bit);
        continue;
      }
      const users = this.#users(object, key);
      if (kind === Kind.Read) {
        if ((users.readers & bit) === 0) this.version++;
        users.readers |= bit;
      } else {
        if ((users.writers & bit) === 0) this.version++;
        users.writers |= bit;
        if ((users.privateReads & ~bit) !== 0) this.isRefuted = true;
      }
      if ((users.privateWrites & ~bit) !== 0) this.isRefuted = true;
    }
  }

  /** Can nobody else observe these accesses? If so, they are taken for that from now on. */
  isPrivate(t: number, accesses: readonly Access[]): boolean {
    const bit = 1 << t;
    for (const access of accesses) if (!this.#mayBe(bit, access)) return false;
    for (const { object, kind, key } of accesses) {
      if (object === null) continue;
      const users = this.#users(object, key);
      if (kind === Kind.Read) users.privateReads |= bit;
      else users.privateWrites |= bit;
    }
    return true;
  }

  /** Is a step's first access such that nobody else can observe it? What an atomic step accesses, it shows when made. */
  mayBePrivate(t: number, pending: Pending): boolean {
    return pending.kind !== Kind.Choose && this.#mayBe(1 << t, pending);
  }

  #mayBe(bit: number, { object, kind, key }: Access): boolean {
    if (object === null) return kind !== Kind.Wait;
    const { readers, writers } = this.#users(object, key);
    if (kind === Kind.Read) return (writers & ~bit) === 0;
    return this.hidesWrites && ((readers | writers | this.#conditional) & ~bit) === 0;
  }

  #noteCondition(bit: number): void {
    if ((this.#conditional & bit) !== 0) return;
    this.#conditional |= bit;
    this.version++;
    for (const keys of this.#objects.values()) {
      for (const users of keys.values()) if ((users.privateWrites & ~bit) !== 0) this.isRefuted = true;
    }
  }

  #users(object: Shared, key: number): Users {
    let keys = this.#objects.get(object.id);
    if (keys === undefined) {
      keys = new Map();
      this.#objects.set(object.id, keys);
    }
    if (object.keyed && key === WHOLE && !this.#coarse.has(object.id)) this.#merge(object, keys);
    const at = object.keyed && !this.#coarse.has(object.id) ? key : WHOLE;
    let users = keys.get(at);
    if (users === undefined) {
      users = { readers: 0, writers: 0, privateReads: 0, privateWrites: 0 };
      keys.set(at, users);
    }
    return users;
  }

  #merge(object: Shared, keys: Map<number, Users>): void {
    this.#coarse.add(object.id);
    this.version++;
    const all: Users = { readers: 0, writers: 0, privateReads: 0, privateWrites: 0 };
    for (const users of keys.values()) {
      all.readers |= users.readers;
      all.writers |= users.writers;
      if ((users.privateReads | users.privateWrites) !== 0) this.isRefuted = true;
    }
    keys.clear();
    keys.set(WHOLE, all);
  }
}

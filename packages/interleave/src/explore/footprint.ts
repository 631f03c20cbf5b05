import { type Access, independent } from "../access.js";
import { Kind, type Shared, WHOLE } from "../shared-object.js";

/** Beyond so many footprints, whether two commute is worked out each time. */
const CACHED = 2048;

const UNKNOWN = 0;
const COMMUTE = 1;
const CONFLICT = 2;

/**
 * The sets of accesses that steps make, numbered, so that whether two steps are independent is looked up in a table.
 * Number 0 is the step that accesses nothing.
 */
export class Footprints {
  readonly #accesses: (readonly Access[])[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #table: Uint8Array[] = [];
  readonly #created = new Map<number, Shared>();
  readonly #unions = new Map<number, number>();

  constructor() {
    this.number([]);
  }

  get size(): number {
    return this.#accesses.length;
  }

  accesses(footprint: number): readonly Access[] {
    return this.#accesses[footprint]!;
  }

  /** The number of a set of accesses. */
  number(accesses: readonly Access[]): number {
    const distinct = new Map<string, Access>();
    for (const access of accesses) {
      const { object, kind, key } = access;
      if (object === null && kind !== Kind.Wait) continue;
      distinct.set(`${object?.id ?? 0} ${kind} ${object?.keyed ? key : WHOLE}`, this.#canonical(access));
    }
    const name = [...distinct.keys()].sort().join();
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#accesses.length;
      this.#numbers.set(name, number);
      this.#accesses.push([...distinct.values()]);
    }
    return number;
  }

  /** What a path creates is the same object in all that was said of it, though it may have been made more than once. */
  #canonical(access: Access): Access {
    const { object, kind, key } = access;
    if (object === null || object.id >= 0) return access;
    const first = this.#created.get(object.id);
    if (first === undefined) this.#created.set(object.id, object);
    return first === undefined || first === object ? access : { object: first, kind, key };
  }

  /** The number of two sets together. */
  union(a: number, b: number): number {
    if (a === b || b === 0) return a;
    if (a === 0) return b;
    const pair = a < b ? a * 0x400_0000 + b : b * 0x400_0000 + a;
    let number = this.#unions.get(pair);
    if (number === undefined) {
      number = this.number([...this.#accesses[a]!, ...this.#accesses[b]!]);
      this.#unions.set(pair, number);
    }
    return number;
  }

  /** Do steps with these footprints commute, and leave each other enabled? */
  areIndependent(a: number, b: number): boolean {
    if (a === 0 || b === 0) return true;
    if (a >= CACHED || b >= CACHED) return independent(this.#accesses[a]!, this.#accesses[b]!);
    let row = this.#table[a];
    if (row === undefined) {
      row = new Uint8Array(CACHED);
      this.#table[a] = row;
    }
    let answer = row[b]!;
    if (answer === UNKNOWN) {
      answer = independent(this.#accesses[a]!, this.#accesses[b]!) ? COMMUTE : CONFLICT;
      row[b] = answer;
    }
    return answer === COMMUTE;
  }
}

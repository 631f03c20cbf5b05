import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Cell,
  Kind,
  Mutex,
  Ordered,
  RwLock,
  RwSemaphore,
  Sparse,
  SpinLock,
  Srcu,
  Store,
  Suspendable,
  WaitQueue,
  Words,
} from "./index.js";

/** One object of every kind, changes of them by number, and their whole state as text. */
function everything() {
  const store = new Store();
  const cell = new Cell<number | string | null | readonly number[]>(store, "cell", 0);
  const words = new Words(store, "words", 4);
  const sparse = new Sparse(store, "sparse");
  const ordered = new Ordered<Cell<number>>(store, "ordered");
  const values = [0, 1, 2].map((n) => new Cell(store, `value ${n}`, n));
  const spin = new SpinLock(store, "spin");
  const mutex = new Mutex(store, "mutex");
  const rw = new RwLock(store, "rw");
  const semaphore = new RwSemaphore(store, "semaphore");
  const srcu = new Srcu(store, "srcu");
  const queue = new WaitQueue(store, "queue");
  const sections: number[] = [];
  const contents = [0, 1, -1, 0xffffffff, 2 ** 40, 0.25, 1e-9, Number.POSITIVE_INFINITY, "x", null, [1, 2]];

  const changes: readonly ((n: number) => void)[] = [
    (n) => cell.set(contents[n % contents.length]!),
    (n) => words.set(n % 4, n >> 2),
    (n) => words.add(n % 4, 1),
    (n) => sparse.set((n % 5) * 2 ** 45, n >> 3),
    (n) => ordered.set(n % 5, (n % 5) + (n % 3), values[n % 3]!, n % 2),
    (n) => ordered.delete(n % 5, n % 2),
    () => (spin.isHeld() ? spin.unlock() : spin.lock()),
    () => (mutex.isHeld() ? mutex.unlock() : store.held.of(0).some((l) => l.spins) || mutex.lock()),
    () => (rw.isHeldExclusively() ? rw.writeUnlock() : rw.isHeld() ? rw.readUnlock() : rw.writeLock()),
    () => (rw.isHeldExclusively() ? rw.writeUnlock() : rw.readLock()),
    () =>
      semaphore.isHeld()
        ? semaphore.readUnlock()
        : store.held.of(0).some((l) => l.spins) || semaphore.readLock(),
    () => sections.push(srcu.readLock()),
    () => sections.length > 0 && srcu.readUnlock(sections.pop()!),
    () => queue.prepare(),
    (n) => (n % 2 === 0 ? queue.wake() : queue.finish()),
  ];
  const state = () =>
    JSON.stringify([
      cell.peek() === Number.POSITIVE_INFINITY ? "infinite" : cell.peek(),
      [...words.peek()],
      [0, 1, 2, 3, 4].map((n) => sparse.at(n * 2 ** 45)),
      [0, 1, 2, 3, 4].map((at) => [0, 1].map((tie) => ordered.get(at, tie)?.name)),
      ordered.overlapping(0, 10).map((value) => value.name),
      [spin, mutex, rw, semaphore].map((lock) => [lock.holders(), lock.isHeldExclusively()]),
      srcu.isEnabled(Kind.Wait, 0, 0),
      queue.isEnabled(Kind.Wait, 0),
    ]);
  const held = () => store.held.of(0).map((lock) => lock.name);
  return { store, changes, state, held, sections };
}

const script = fc.array(fc.tuple(fc.nat(14), fc.nat(40)), { maxLength: 40 });

describe("a store", () => {
  test("rolls back every kind of object, the locks held, and the hash", () => {
    fc.assert(
      fc.property(script, script, (before, after) => {
        const { store, changes, state, held, sections } = everything();
        store.mark();
        for (const [which, n] of before) changes[which]!(n);
        const [was, holding, hash, open] = [state(), held(), store.hash, sections.length];
        const mark = store.mark();
        for (const [which, n] of after) changes[which]!(n);
        store.rollback(mark);
        expect(state()).toBe(was);
        expect(held()).toEqual(holding);
        expect(store.hash).toEqual(hash);
        // The mark is good for another time.
        sections.length = Math.min(open, sections.length);
        for (const [which, n] of after) if (which < 11) changes[which]!(n);
        store.rollback(mark);
        expect([state(), store.hash]).toEqual([was, hash]);
      }),
      { numRuns: 300 },
    );
  });

  test("has equal hashes for equal states and others for others, whatever led to them", () => {
    const stateOf = new Map<string, string>();
    const hashOf = new Map<string, string>();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10), fc.nat(40)), { maxLength: 12 }), (changesMade) => {
        const { store, changes, state } = everything();
        store.mark();
        for (const [which, n] of changesMade) {
          changes[which]!(n);
          const [now, hash] = [state(), store.hash.join()];
          expect(hashOf.get(now) ?? hash).toBe(hash);
          expect(stateOf.get(hash) ?? now).toBe(now);
          hashOf.set(now, hash);
          stateOf.set(hash, now);
        }
      }),
      { numRuns: 300 },
    );
    expect(hashOf.size).toBeGreaterThan(200);
  });

  test.each<readonly [unknown, unknown]>([
    [-1, 0xffffffff],
    [0.1, 0.10000000000000002],
    [1e-9, 0],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [Number.NaN, 0],
    [2 ** 52 + 1, 1],
    [true, 1],
    [undefined, null],
    ["", null],
    ["12", 12],
    [1n, 1n + 2n ** 64n],
    [-1n, 2n ** 64n - 1n],
    [[], {}],
    [[[1], 2], [[1, 2]]],
    [{ mapped: 1 }, { unmapped: 1 }],
    [new RangeError("a"), new RangeError("b")],
  ])("tells %o from %o", (a, b) => {
    const store = new Store();
    const cell = new Cell<unknown>(store, "cell", "initial");
    const hashWith = (value: unknown) => {
      const mark = store.mark();
      cell.set(value);
      const { hash } = store;
      store.rollback(mark);
      return hash;
    };
    expect(hashWith(a)).not.toEqual(hashWith(b));
    expect(hashWith(a)).toEqual(hashWith(a));
  });

  test("gives records equal hashes whatever the order of their fields", () => {
    const store = new Store();
    const cell = new Cell<Record<string, number>>(store, "cell", {});
    store.mark();
    cell.set({ a: 1, b: 2 });
    const { hash } = store;
    cell.set({ b: 2, a: 1 });
    expect(store.hash).toEqual(hash);
  });

  test("tells very many single changes apart", () => {
    const store = new Store();
    const sparse = new Sparse(store, "sparse");
    const seen = new Set<string>();
    const mark = store.mark();
    for (let i = 0; i < 100_000; i++) {
      sparse.set(i * 4096, 1);
      seen.add(store.hash.join());
      store.rollback(mark);
    }
    expect(seen.size).toBe(100_000);
  });

  class Opaque {
    readonly #secret: number;
    constructor(secret: number) {
      this.#secret = secret;
    }
    get secret(): number {
      return this.#secret;
    }
  }
  const ring: { next: unknown } = { next: null };
  ring.next = [ring];

  test.each<readonly [string, unknown]>([
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a Map", new Map([[1, 2]])],
    ["a Opaque", new Opaque(1)],
    ["a Object that contains itself", ring],
    ["a Promise", Promise.resolve(1)],
  ])("refuses what it cannot hash: %s", (what, value) => {
    const store = new Store();
    const cell = new Cell<unknown>(store, "cell", 0);
    const mark = store.mark();
    expect(() => cell.set(value)).toThrow(`${what} in shared state`);
    store.rollback(mark);
    expect(cell.peek()).toBe(0);
    cell.set([[1]]);
    expect(cell.peek()).toEqual([[1]]);
  });

  test("refuses to roll back to a mark that was itself rolled back, however far it has come since", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const early = store.mark();
    cell.set(1);
    const late = store.mark();
    store.rollback(early);
    expect(() => store.rollback(late)).toThrow(RangeError);
    for (let i = 1; i < 10; i++) cell.set(i);
    store.mark();
    expect(() => store.rollback(late)).toThrow("rolled back");
    expect(cell.peek()).toBe(9);
  });

  test("forgets the journal with a commit, and refuses the marks from before it", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const mark = store.mark();
    cell.set(1);
    expect(store.changes).toBe(1);
    store.commit();
    expect([store.changes, store.journalling, store.hash]).toEqual([0, false, [0, 0]]);
    expect(() => store.rollback(mark)).toThrow("committed");
    cell.set(2);
    expect(store.changes).toBe(0);
    const again = store.mark();
    cell.set(3);
    store.rollback(again);
    expect(cell.peek()).toBe(2);
  });

  test("journals nothing before the first mark", () => {
    const { store, changes } = everything();
    for (const change of changes) change(8);
    expect([store.changes, store.hash]).toEqual([0, [0, 0]]);
  });

  test("lists what changed since a mark, oldest first", () => {
    const store = new Store();
    const a = new Cell(store, "a", 0);
    const words = new Words(store, "words", 2);
    store.mark();
    a.set(1);
    const mark = store.mark();
    a.set(2);
    words.set(1, 7);
    expect([...store.changesSince(mark)].map(({ object, key, old }) => [object.name, key, old])).toEqual([
      ["a", 0, 1],
      ["words", 1, 0],
    ]);
  });

  test("takes the first outcome of a choice alone, and refuses a choice of nothing", () => {
    const store = new Store();
    expect(store.choose("victim", 3)).toBe(0);
    expect(() => store.choose("victim", 0)).toThrow(RangeError);
    expect(() => store.choose("victim", Number.NaN)).toThrow(RangeError);
  });

  test("refuses an atomic step alone in a state in which it cannot be made", () => {
    const store = new Store();
    const ready = new Cell(store, "ready", false);
    const take = () =>
      store.atomic(
        "take",
        () => ready.set(false),
        () => ready.peek(),
      );
    expect(take).toThrow("the caller would wait for ever for take");
    ready.set(true);
    take();
    expect(ready.peek()).toBe(false);
  });
});

describe("what tasks create", () => {
  const setup = (calls: (store: Store, list: Cell<readonly Cell<number>[]>) => (() => unknown)[]) => {
    const store = new Store();
    const list = new Cell<readonly Cell<number>[]>(store, "list", []);
    const pointers = ["p", "q"].map((name) => new Cell<Cell<number> | null>(store, name, null));
    const tasks = calls(store, list).map((call, i) => new Suspendable(store, i + 1, `T${i + 1}`, [call]));
    const mark = store.mark();
    const fresh = tasks.map((task) => {
      task.start();
      return task.position();
    });
    const run = (schedule: readonly number[]) => {
      store.rollback(mark);
      tasks.forEach((task, i) => {
        task.restore(fresh[i]!);
      });
      for (const i of schedule) tasks[i]!.step();
      return [store.hash, ...tasks.map((task) => task.hash())];
    };
    return { store, list, pointers, run };
  };

  test("has identities that do not depend on the interleaving", () => {
    const pointers: Cell<Cell<number> | null>[] = [];
    const { run } = setup((store) => {
      for (const name of ["p", "q"]) pointers.push(new Cell<Cell<number> | null>(store, name, null));
      return [0, 1].map((i) => () => {
        const made = store.create(() => new Cell(store, `made by ${i}`, 0));
        made.set(i + 5);
        pointers[i]!.set(made);
      });
    });
    const states = [
      [0, 0, 1, 1],
      [1, 1, 0, 0],
      [0, 1, 0, 1],
      [1, 0, 0, 1],
    ].map((schedule) => run(schedule));
    for (const state of states) expect(state).toEqual(states[0]);
  });

  test("is told apart by what its constructor was given, after its creator has forgotten it", () => {
    const { run } = setup((store, list) => {
      const flag = new Cell(store, "flag", 0);
      return [
        () => {
          const seen = flag.get();
          list.set([store.create(() => new Cell(store, "made", seen))]);
        },
        () => flag.set(1),
      ];
    });
    const [early] = run([1, 0, 0]);
    const [late] = run([0, 1, 0]);
    expect(early).not.toEqual(late);
  });

  test("has identities of its own for each set of tasks on one store", () => {
    const store = new Store();
    const made: Cell<number>[] = [];
    for (let i = 0; i < 2; i++) {
      new Suspendable(store, 1, "T", [
        () => {
          made.push(store.create(() => new Cell(store, "made", 0)));
        },
      ]).start();
    }
    expect(made[0]!.id).not.toBe(made[1]!.id);
  });
});

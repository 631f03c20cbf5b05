import { describe, expect, test } from "vitest";
import { Cell, Mutex, ReplayError, RwLock, SpinLock, Store, search, type Thread } from "./index.js";

/** So many threads that each increment a counter: under a lock, or without. */
function counters(threads: number, locked: boolean) {
  const store = new Store();
  const lock = new SpinLock(store, "lock");
  const count = new Cell(store, "count", 0, locked ? { lock } : undefined);
  const increment = () => {
    if (locked) lock.lock();
    count.set(count.get() + 1);
    if (locked) lock.unlock();
  };
  const ends = new Set<number>();
  const result = search(
    store,
    Array.from({ length: threads }, (_, i) => ({ name: `T${i}`, calls: [increment] })),
    {
      stopAtFirst: false,
      atEnd: () => {
        ends.add(count.peek());
        return count.peek() === threads ? undefined : "lost update";
      },
    },
  );
  return { ...result, ends: [...ends].sort(), violations: result.violations.length };
}

/** Philosophers who take the fork on their left first; or the lower one first. */
function philosophers(seats: number, ordered: boolean) {
  const store = new Store();
  const forks = Array.from({ length: seats }, (_, i) => new Mutex(store, `fork ${i}`));
  const threads = forks.map((_, i): Thread => {
    const pair = [i, (i + 1) % seats];
    if (ordered) pair.sort();
    const [first, second] = pair.map((n) => forks[n]!);
    return {
      name: `P${i}`,
      calls: [
        () => {
          first!.lock();
          second!.lock();
          second!.unlock();
          first!.unlock();
        },
      ],
    };
  });
  return search(store, threads, { stopAtFirst: false });
}

describe("a search", () => {
  test("finds the lost update of two unlocked counters", () => {
    expect(counters(2, false)).toEqual({
      states: 12,
      steps: 14,
      finals: 2,
      violations: 1,
      exhaustive: true,
      ends: [1, 2],
    });
  });

  test("finds none under a lock, whose critical section is one step", () => {
    expect(counters(2, true)).toEqual({
      states: 4,
      steps: 4,
      finals: 1,
      violations: 0,
      exhaustive: true,
      ends: [2],
    });
  });

  test("takes three threads as well", () => {
    expect(counters(3, false)).toMatchObject({ states: 59, steps: 99, finals: 3, ends: [1, 2, 3] });
    expect(counters(3, true)).toMatchObject({ states: 8, steps: 12, finals: 1, ends: [3] });
  });

  test("finds and names the deadlock of the dining philosophers", () => {
    const result = philosophers(3, false);
    expect(result).toMatchObject({ states: 27, steps: 45, finals: 1, exhaustive: true });
    expect(result.violations).toMatchObject([
      {
        kind: "deadlock",
        message:
          "P0 waits for fork 1, held by P1; P1 waits for fork 2, held by P2; P2 waits for fork 0, held by P0",
      },
    ]);
    expect(result.violations[0]!.steps.map(({ thread, what }) => `${thread}: ${what}`)).toEqual([
      "P0: takes fork 0",
      "P1: takes fork 1",
      "P2: takes fork 2",
    ]);
  });

  test("finds none if they agree on an order", () => {
    expect(philosophers(3, true)).toEqual({
      states: 24,
      steps: 38,
      finals: 1,
      violations: [],
      exhaustive: true,
    });
    expect(philosophers(4, true)).toEqual({
      states: 72,
      steps: 154,
      finals: 1,
      violations: [],
      exhaustive: true,
    });
  });

  test("lets readers in together and keeps writers alone", () => {
    const store = new Store();
    const lock = new RwLock(store, "lock");
    const a = new Cell(store, "a", 0);
    const b = new Cell(store, "b", 0);
    const reader = () => {
      lock.readLock();
      const seen = a.get() === b.get();
      lock.readUnlock();
      return seen;
    };
    const writer = () => {
      lock.writeLock();
      a.set(1);
      b.set(1);
      lock.writeUnlock();
    };
    const threads = [
      { name: "r0", calls: [reader] },
      { name: "r1", calls: [reader] },
      { name: "w", calls: [writer] },
    ];
    const atEnd = (results: readonly (readonly unknown[])[]) =>
      results.flat().includes(false) ? "torn" : undefined;
    expect(search(store, threads, { atEnd })).toEqual({
      states: 40,
      steps: 60,
      finals: 1,
      violations: [],
      exhaustive: true,
    });
  });

  test("tries every outcome of every choice", () => {
    const store = new Store();
    const sum = new Cell(store, "sum", 0);
    const ends = new Set<string>();
    const choose = () => {
      const die = store.choose("die", 3);
      sum.update((n) => n + die);
      return die;
    };
    const result = search(
      store,
      [
        { name: "a", calls: [choose, choose] },
        { name: "b", calls: [choose] },
      ],
      {
        atEnd: (results) => {
          ends.add(results.flat().join());
          return undefined;
        },
      },
    );
    expect(result).toMatchObject({ states: 175, steps: 318, finals: 27, violations: [], exhaustive: true });
    expect(ends.size).toBe(27);
  });

  test("names the choice in a counterexample", () => {
    const store = new Store();
    const call = () => {
      if (store.choose("order of the folio", 3) === 2) throw new Error("too large");
    };
    expect(search(store, [{ name: "mm", calls: [call] }]).violations).toEqual([
      {
        kind: "error",
        message: "too large",
        steps: [
          {
            thread: "mm",
            call: 0,
            what: "order of the folio: outcome 2",
            accesses: [{ object: null, kind: 7, key: 0 }],
          },
        ],
      },
    ]);
  });

  test("shows the accesses of the step that failed, and whatever was thrown", () => {
    const store = new Store();
    const lock = new SpinLock(store, "lock");
    const cell = new Cell(store, "cell", 0);
    const call = () => {
      cell.set(1);
      lock.unlock();
    };
    const [violation] = search(store, [{ name: "T", calls: [call] }]).violations;
    expect(violation!.steps[0]!.accesses.map(({ object }) => object!.name)).toEqual(["cell", "lock"]);
    const thrower = () => {
      cell.get();
      throw "a string";
    };
    expect(search(store, [{ name: "T", calls: [thrower] }]).violations).toMatchObject([
      { kind: "error", message: "a string" },
    ]);
  });

  test("reports a failure before the first step", () => {
    const store = new Store();
    const broken = (message: string) => () => {
      throw new Error(message);
    };
    const threads = [
      { name: "a", calls: [broken("EINVAL")] },
      { name: "b", calls: [() => store.choose("coin", 2)] },
      { name: "c", calls: [broken("ENOENT")] },
    ];
    expect(search(store, threads, { stopAtFirst: false })).toEqual({
      states: 0,
      steps: 0,
      finals: 0,
      violations: [
        { kind: "error", message: "EINVAL", steps: [] },
        { kind: "error", message: "ENOENT", steps: [] },
      ],
      exhaustive: false,
    });
  });

  test("has one state without threads, or without calls", () => {
    const store = new Store();
    const one = { states: 1, steps: 0, finals: 1, violations: [], exhaustive: true };
    expect(search(store, [])).toEqual(one);
    expect(search(store, [{ name: "T", calls: [] }])).toEqual(one);
  });

  test("gives up after as many states as it was told", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const thread = (name: string) => ({ name, calls: [() => cell.set(cell.get() + 1)] });
    expect(search(store, [thread("a"), thread("b")], { maxStates: 5 })).toMatchObject({
      states: 5,
      exhaustive: false,
    });
  });

  test("follows a path of many thousand steps", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const calls = Array.from({ length: 20_000 }, () => () => cell.set(cell.peek() + 1));
    expect(search(store, [{ name: "T", calls }])).toMatchObject({
      states: 20_001,
      violations: [],
      exhaustive: true,
    });
  });

  test.each(["finished", "with a violation", "out of states", "with a broken path", "with a broken check"])(
    "leaves the store as it was: %s",
    (how) => {
      const store = new Store();
      const lock = new SpinLock(store, "lock");
      const cell = new Cell(store, "cell", 5);
      const call = () => {
        lock.lock();
        cell.set(cell.get() + 1);
        lock.unlock();
        if (how === "with a violation") throw new Error("violation");
        if (how === "with a broken path") new Cell(store, "stray", 0);
      };
      const check = () => {
        if (how === "with a broken check" && cell.peek() === 7) throw new RangeError("broken");
        return undefined;
      };
      store.tid = 3;
      const run = () =>
        search(
          store,
          [
            { name: "a", calls: [call] },
            { name: "b", calls: [call] },
          ],
          { check, maxStates: how === "out of states" ? 3 : 100 },
        );
      if (how === "with a broken path") expect(run).toThrow(ReplayError);
      else if (how === "with a broken check") expect(run).toThrow("broken");
      else run();
      expect([cell.peek(), lock.holders(), store.held.of(1), store.held.of(2)]).toEqual([5, [], [], []]);
      expect([store.tid, store.task, store.names, store.journalling, store.changes, store.hash]).toEqual([
        3,
        null,
        ["the caller"],
        false,
        0,
        [0, 0],
      ]);
      const mark = store.mark();
      cell.set(6);
      const { hash } = store;
      if (how === "finished") run();
      expect([store.journalling, store.hash]).toEqual([true, hash]);
      store.rollback(mark);
      expect(cell.peek()).toBe(5);
    },
  );

  test("says so when the caller holds what the threads wait for", () => {
    const store = new Store();
    const lock = new SpinLock(store, "lock");
    lock.lock();
    const call = () => {
      lock.lock();
      lock.unlock();
    };
    expect(search(store, [{ name: "T", calls: [call] }]).violations).toMatchObject([
      { kind: "deadlock", message: "T waits for lock, held by the caller" },
    ]);
  });
});

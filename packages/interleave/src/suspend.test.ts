import { describe, expect, test } from "vitest";
import {
  AGAIN,
  Cell,
  Kind,
  LivelockError,
  OpaqueError,
  Ordered,
  ReplayError,
  repeat,
  Sparse,
  SpinLock,
  Srcu,
  Store,
  Suspendable,
  search,
  Words,
} from "./index.js";

/** Explores a call that `body` makes of a store, a cell and a lock, beside another that writes the cell. */
function explore(body: (store: Store, cell: Cell<number>, lock: SpinLock) => () => unknown) {
  const store = new Store();
  const cell = new Cell(store, "cell", 0);
  const lock = new SpinLock(store, "lock");
  const call = body(store, cell, lock);
  return search(store, [
    { name: "vcpu", calls: [call] },
    { name: "other", calls: [() => cell.set(9)] },
  ]);
}

describe("a replay", () => {
  test("catches a path that goes to another object than before", () => {
    let round = 0;
    expect(() =>
      explore((store, cell) => {
        const second = new Cell(store, "second", 0);
        const third = new Cell(store, "third", 0);
        return () => {
          cell.get();
          (round++ === 0 ? second : third).get();
        };
      }),
    ).toThrow(ReplayError);
  });

  test("catches a path that takes another way than before to where it had stopped", () => {
    let round = 0;
    expect(() => explore((_, cell, lock) => () => (round++ === 0 ? lock.lock() : cell.get()))).toThrow(
      "vcpu does not repeat what it did before: access 0 of call 0 is now to cell",
    );
  });

  test("catches a path that returns earlier than before", () => {
    let round = 0;
    expect(() => explore((_, cell) => () => (round++ === 0 ? cell.get() : 0))).toThrow(
      "vcpu ended before it had repeated what it did before",
    );
  });

  test.each(["cell", "words", "sparse"] as const)(
    "catches a path that writes another value than before: %s",
    (kind) => {
      let round = 0;
      expect(() =>
        explore((store, cell) => {
          const targets = {
            cell: new Cell(store, "target", 0),
            words: new Words(store, "target", 1),
            sparse: new Sparse(store, "target"),
          };
          return () => {
            const value = ++round;
            if (kind === "cell") targets.cell.set(value);
            else targets[kind].set(0, value);
            cell.get();
          };
        }),
      ).toThrow(/vcpu does not repeat what it did before: access 0 of call 0 now writes \d+, not \d+/);
    },
  );

  test("catches a path that looks elsewhere in the same tree", () => {
    let round = 0;
    expect(() =>
      explore((store, cell) => {
        const tree = new Ordered<Cell<number>>(store, "tree");
        return () => {
          tree.floor(++round);
          cell.get();
        };
      }),
    ).toThrow(ReplayError);
  });

  test("catches a path that chooses otherwise than before", () => {
    let round = 0;
    expect(() =>
      explore((store, cell) => () => {
        store.choose("size", ++round === 2 ? 3 : 2);
        cell.get();
      }),
    ).toThrow("is now to size");
  });

  test("lets a path write arrays and records that it makes anew each time", () => {
    const result = explore((store, cell) => {
      const list = new Cell<readonly number[]>(store, "list", []);
      return () => {
        list.set([cell.get()]);
        cell.get();
      };
    });
    expect(result).toMatchObject({ violations: [], exhaustive: true });
  });

  test.each<readonly [string, (access: () => number, other: () => void) => unknown]>([
    [
      "catches and goes on",
      (access, other) => {
        try {
          access();
        } catch {
          other();
        }
      },
    ],
    [
      "catches and returns",
      (access) => {
        try {
          return access();
        } catch {
          return -1;
        }
      },
    ],
    [
      "accesses in finally",
      (access, other) => {
        try {
          access();
        } finally {
          other();
        }
      },
    ],
  ])("catches a path that %s", (_name, path) => {
    expect(() =>
      explore(
        (_, cell, lock) => () =>
          path(
            () => cell.get(),
            () => lock.lock(),
          ),
      ),
    ).toThrow("vcpu went on after it was suspended: does a path catch or use finally?");
  });

  test("catches a path that is asynchronous", () => {
    expect(() => explore((_, cell) => async () => cell.get())).toThrow(
      "vcpu makes a call that is asynchronous",
    );
  });

  test("catches a path that catches before it chooses, creates, repeats or steps atomically", () => {
    const afterwards: ((store: Store) => unknown)[] = [
      (store) => store.choose("which", 2),
      (store) => store.create(() => new Cell(store, "made", 0)),
      (store) => store.atomic("step", () => 0),
      (store) => repeat(store, "again", () => AGAIN),
    ];
    for (const then of afterwards) {
      expect(() =>
        explore((store, cell) => () => {
          try {
            cell.get();
          } catch {
            then(store);
          }
        }),
      ).toThrow(ReplayError);
    }
  });

  test("catches a path that lives on after a lock has refused it", () => {
    for (const then of [(cell: Cell<number>) => cell.get(), () => -1]) {
      const run = () =>
        explore((_, cell, lock) => () => {
          try {
            return lock.unlock();
          } catch {
            return then(cell);
          }
        });
      expect(run).toThrow("went on in or after an access that failed");
    }
  });

  test("lets a path catch its own errors and pass the rest on", () => {
    class Errno extends Error {}
    const result = explore((_, cell) => () => {
      try {
        if (cell.get() === 9) throw new Errno("EFAULT");
        return "mapped";
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        return error.message;
      } finally {
        Math.max(0, 1);
      }
    });
    expect(result).toMatchObject({ violations: [], finals: 2, exhaustive: true });
  });

  test("catches an access within an update", () => {
    expect(() => explore((store, cell) => () => new Cell(store, "c", 0).update(() => cell.get()))).toThrow(
      ReplayError,
    );
    expect(() =>
      explore((store, cell) => {
        const outer = new Cell(store, "outer", 0);
        return () => outer.update(() => cell.get());
      }),
    ).toThrow("does a path catch, or access within an update?");
  });

  test("is refused what a call returns if that cannot be hashed", () => {
    expect(() => explore((_, cell) => () => new Map([[cell.get(), 1]]))).toThrow(OpaqueError);
  });

  test("names the locks that a call returns with", () => {
    const result = explore((store, _, lock) => {
      const second = new SpinLock(store, "second");
      return () => {
        lock.lock();
        second.lock();
      };
    });
    expect(result.violations).toMatchObject([
      { kind: "error", message: "vcpu returned from a call holding lock, second" },
    ]);
  });
});

describe("creation in an explored path", () => {
  test("is caught outside of store.create", () => {
    expect(() => explore((store) => () => new Cell(store, "stray", 0))).toThrow(
      "vcpu creates stray outside of store.create",
    );
  });

  test("gives a replay the same object again", () => {
    const made = new Set<Cell<number>>();
    let count = 0;
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const task = new Suspendable(store, 1, "T", [
      () => {
        const mine = store.create(() => {
          count++;
          return new Cell(store, "mine", 0);
        });
        made.add(mine);
        mine.set(1);
        cell.get();
        return mine.get();
      },
    ]);
    task.start();
    while (!task.isDone) task.step();
    expect([count, made.size, task.results]).toEqual([1, 1, [1]]);
  });

  test("may be nested, and may use what it creates", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    class Table {
      readonly lock = new SpinLock(store, "table->lock");
      readonly count = new Cell(store, "table->count", 0, { lock: this.lock });
      readonly next = store.create(() => new Cell<Table | null>(store, "table->next", null));
      constructor() {
        this.lock.lock();
        this.count.set(3);
        repeat(store, "prefill", () => (this.count.update((n) => n - 1) === 0 ? true : AGAIN));
        store.atomic("reset", () => this.count.set(8));
        this.lock.unlock();
      }
    }
    const call = () => {
      const table = store.create(() => new Table());
      cell.get();
      table.next.set(null);
      return table.count.peek();
    };
    const result = search(store, [
      { name: "a", calls: [call, call] },
      { name: "b", calls: [call] },
    ]);
    expect(result).toMatchObject({ violations: [], exhaustive: true });
  });

  test("may not use what others have created meanwhile, nor choose", () => {
    expect(() =>
      explore((store, cell) => () => store.create(() => new Cell(store, "m", cell.get()))),
    ).toThrow("vcpu uses cell while it creates another object: do so before or after");
    const choice = explore(
      (store) => () => store.create(() => new Cell(store, "m", store.choose("size", 2))),
    );
    expect(choice.violations).toMatchObject([
      { kind: "error", message: "vcpu chooses size within one step: choose before it" },
    ]);
  });

  test("leaves no trace when the constructor fails", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const failing = () =>
      store.create(() => {
        throw new Error("ENOMEM");
      });
    const result = search(
      store,
      [
        { name: "a", calls: [failing] },
        { name: "b", calls: [() => cell.set(1)] },
      ],
      { stopAtFirst: false },
    );
    expect(result.violations.map(({ message }) => message)).toEqual(["ENOMEM"]);
    const task = new Suspendable(store, 1, "T", [
      () => store.choose("retry", 2) === 1 && failing(),
      () => cell.get(),
    ]);
    task.start();
    const mark = store.mark();
    const position = task.position();
    expect(() => task.step(1)).toThrow("ENOMEM");
    expect(task.creating).toBe(false);
    store.rollback(mark);
    task.restore(position);
    task.step(0);
    expect(task.step()).toEqual([{ object: cell, kind: Kind.Read, key: 0 }]);
  });
});

describe("an atomic step", () => {
  test("lets no other task come between", () => {
    const result = explore((store, cell) => () => {
      const lost = store.atomic("increment", () => {
        const old = cell.get();
        cell.set(old + 1);
        return cell.get() !== old + 1;
      });
      if (lost) throw new Error("somebody came between");
    });
    expect(result).toMatchObject({ violations: [], finals: 2, exhaustive: true });
  });

  test("is made once even if it accesses nothing, and only when it can be", () => {
    const result = explore((store, cell) => () => {
      store.atomic("first", () => undefined);
      store.atomic(
        "barrier",
        () => undefined,
        () => cell.peek() === 9,
      );
      store.atomic("last", () => undefined);
      return cell.get();
    });
    expect(result).toMatchObject({ states: 7, violations: [], finals: 1, exhaustive: true });
  });

  test("that can never be made is a deadlock under its name", () => {
    const result = explore(
      (store) => () =>
        store.atomic(
          "barrier",
          () => undefined,
          () => false,
        ),
    );
    expect(result.violations).toMatchObject([{ kind: "deadlock", message: "vcpu waits for barrier" }]);
  });

  test("may contain another, which must not wait", () => {
    const inner = (value: boolean) =>
      explore(
        (store) => () =>
          store.atomic("outer", () =>
            store.atomic(
              "inner",
              () => 1,
              () => value,
            ),
          ),
      );
    expect(inner(true)).toMatchObject({ violations: [] });
    expect(inner(false).violations).toMatchObject([{ message: "vcpu waits for inner within one step" }]);
  });
});

describe("a repeated body", () => {
  test("that changes nothing leads back to the same state", () => {
    const result = explore(
      (store, cell) => () => repeat(store, "spin", () => (cell.get() === 9 ? "seen" : AGAIN)),
    );
    expect(result).toMatchObject({ states: 3, steps: 3, finals: 1, violations: [], exhaustive: true });
  });

  test("is said never to end, alone and where no other task can come between", () => {
    const store = new Store();
    const lock = new SpinLock(store, "lock");
    const flag = new Cell(store, "flag", false, { lock });
    const wait = () => {
      lock.lock();
      repeat(store, "wait", () => flag.get() || AGAIN);
      lock.unlock();
    };
    const message = "wait repeats for ever: 10000 rounds in a row did not get through";
    expect(search(store, [{ name: "vcpu", calls: [wait] }]).violations).toMatchObject([
      { kind: "error", message },
    ]);
    expect(wait).toThrow(new LivelockError(message));
  });

  test("may be nested", () => {
    const result = explore(
      (store, cell) => () =>
        repeat(store, "outer", () => {
          const seen = cell.get();
          return repeat(store, "inner", () => (cell.get() >= seen ? "settled" : AGAIN)) === "settled" &&
            seen === 9
            ? seen
            : AGAIN;
        }),
    );
    expect(result).toMatchObject({ finals: 1, violations: [], exhaustive: true });
  });

  test("may create, and abandon what it created, without new states in each round", () => {
    const result = explore(
      (store, cell) => () =>
        repeat(store, "allocate", () => {
          store.create(() => new Cell(store, "page", 0).set(1));
          return cell.get() === 9 ? "done" : AGAIN;
        }),
    );
    expect(result).toMatchObject({ states: 3, finals: 1, exhaustive: true });
  });
});

describe("a trace", () => {
  test("has each decision once, in the step in which it was made", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const lines: string[] = [];
    store.onTrace = ({ fn, text }) => lines.push(`${fn} ${text}`);
    const call = (name: string) => () => {
      store.trace(name, () => "begins");
      const seen = cell.get();
      store.trace(name, () => `saw ${seen}`);
      cell.set(seen + 1);
      store.trace(name, () => "ends");
    };
    const task = new Suspendable(store, 1, "T", [call("f"), call("g")]);
    task.start();
    expect(lines.splice(0)).toEqual(["f begins"]);
    task.step();
    expect(lines.splice(0)).toEqual(["f saw 0"]);
    task.step();
    expect(lines.splice(0)).toEqual(["f ends", "g begins"]);
    task.step();
    task.step();
    expect(lines).toEqual(["g saw 1", "g ends"]);
  });

  test("computes its text only if somebody listens", () => {
    new Store().trace("f", () => {
      throw new Error("computed");
    });
  });
});

describe("a suspendable task", () => {
  test("returns to earlier positions, and refuses those it has left behind", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const task = new Suspendable(store, 1, "T", [() => cell.set(cell.get() + 1), () => cell.get()]);
    task.start();
    const [mark, first] = [store.mark(), task.position()];
    task.step();
    task.step();
    const later = task.position();
    task.step();
    expect([task.isDone, task.results]).toEqual([true, [undefined, 1]]);
    store.rollback(mark);
    task.restore(first);
    expect([task.call, cell.peek()]).toEqual([0, 0]);
    expect(() => task.restore(later)).toThrow("T cannot return to a position that it has left behind");
    task.step();
    expect(task.step()).toEqual([{ object: cell, kind: Kind.Write, key: 0 }]);
  });

  test("gives later calls the results of earlier ones", () => {
    const store = new Store();
    const srcu = new Srcu(store, "srcu");
    const task = new Suspendable(store, 1, "T", [
      () => srcu.readLock(),
      ([section]) => srcu.readUnlock(Number(section)),
    ]);
    task.start();
    while (!task.isDone) task.step();
    srcu.synchronize();
    expect(task.results).toEqual([0, undefined]);
  });

  test("leaves the identity of its caller alone", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    store.tid = 4;
    const task = new Suspendable(store, 1, "T", [() => cell.get()]);
    task.start();
    task.step();
    expect([store.tid, store.task]).toEqual([4, null]);
  });

  test("cannot move within another's step, nor take an outcome that does not exist", () => {
    const store = new Store();
    const inner = new Suspendable(store, 1, "inner", [() => 0]);
    const outer = new Suspendable(store, 2, "outer", [() => inner.start()]);
    expect(() => outer.start()).toThrow("inner cannot move while outer does");
    const chooser = new Suspendable(store, 3, "chooser", [() => store.choose("coin", 2)]);
    chooser.start();
    expect(() => chooser.step(2)).toThrow("coin has no outcome 2");
  });
});

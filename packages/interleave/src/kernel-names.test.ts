import { describe, expect, test } from "vitest";
import { add, Cell, explore, nameFunctions, nameMethods, Store } from "./index.js";

/** Two threads that count without a lock, in a function of a kernel's name and a part of it without one. */
function lostUpdate() {
  const store = new Store();
  const count = new Cell(store, "count", 0);
  const part = () => count.get();
  const both = () => {
    const seen = part();
    store.trace("kernel_count", () => `saw ${seen}`);
    count.set(seen + 1);
    return 0;
  };
  nameFunctions({ kernel_count: both });
  return { store, count, threads: ["a", "b"].map((name) => ({ name, calls: [both] })) };
}

describe("a counterexample", () => {
  const { store, count, threads } = lostUpdate();
  const watch = () => [{ name: "the count", value: `${count.peek()}`, object: count }];
  const atEnd = () => (count.peek() === 2 ? undefined : "an update is lost");
  const { counterexample } = explore(store, threads, { atEnd, watch }).violations[0]!;
  const accesses = counterexample.steps.flatMap((step) => step.accesses);

  test("shows functions by the names that they were given, and what they call as a part of them", () => {
    expect(new Set(accesses.flatMap(({ functions }) => functions))).toEqual(new Set(["kernel_count"]));
  });

  test("says what each access read or wrote, and of what is watched", () => {
    expect(accesses.map(({ kind, value, watched }) => [kind, value, watched])).toEqual([
      ["Read", 0, "the count"],
      ["Read", 0, "the count"],
      ["Write", 1, "the count"],
      ["Write", 1, "the count"],
    ]);
  });

  test("shows what is watched as it was at first, and where it changes", () => {
    expect(counterexample.initially).toEqual({ "the count": "0" });
    expect(accesses.map(({ changed }) => changed)).toEqual([
      [],
      [],
      [{ name: "the count", before: "0", after: "1" }],
      [],
    ]);
  });

  test("has what was decided beside the access after which it was", () => {
    expect(accesses.map(({ decisions }) => decisions.map(({ text }) => text))).toEqual([
      ["saw 0"],
      ["saw 0"],
      [],
      [],
    ]);
  });
});

test("a watch that makes accesses is no part of the path", () => {
  const { store, count, threads } = lostUpdate();
  const watch = () => [{ name: "the count", value: `${count.get()}` }];
  const atEnd = () => (count.peek() === 2 ? undefined : "an update is lost");
  const { counterexample } = explore(store, threads, { atEnd, watch }).violations[0]!;
  expect(counterexample.steps).toHaveLength(4);
});

test("methods can be named, and one that does not exist is refused", () => {
  class Counter {
    readonly cell = new Cell(new Store(), "cell", 0);
    count(): number {
      return add(this.cell, 1);
    }
  }
  nameMethods(Counter, { kernel_counter: "count" });
  expect(new Counter().count.name).toBe("kernel_counter()");
  expect(() => nameMethods(Counter, { kernel_counter: "cell" })).toThrow("there is no method cell");
});

import { describe, expect, test } from "vitest";
import { Cell, type ExploreOptions, explore, Store } from "../index.js";

/** The retry protocol of Ring.tla, each of whose actions is one atomic step of several accesses. */
function ring(options: ExploreOptions, counted = false) {
  const [vcpus, pages, faults, rounds] = [2, 2, 2, 2];
  const store = new Store();
  const [seq, inProgress, lock] = ["seq", "inprog", "lock"].map((name) => new Cell(store, name, 0)) as [
    Cell<number>,
    Cell<number>,
    Cell<number>,
  ];
  const array = (name: string, value: number) =>
    Array.from({ length: pages }, (_, i) => new Cell(store, `${name}[${i}]`, value));
  const [pte, spte] = [array("pte", 1), array("spte", 0)];
  const isFree = () => lock.peek() === 0;
  const fault = (v: number) => () => {
    const page = store.choose("page", pages);
    const sample = store.atomic("F0", () => seq.get());
    const found = store.atomic("F1", () => pte[page]!.get());
    store.atomic("F2", () => lock.set(v), isFree);
    store.atomic("F3", () => {
      if (inProgress.get() === 0 && seq.get() === sample) spte[page]!.set(found);
    });
    store.atomic("F4", () => lock.set(0));
  };
  const invalidate = () => {
    const page = store.choose("page", pages);
    store.atomic("I0", () => lock.set(9), isFree);
    store.atomic("I1", () => {
      inProgress.update((n) => n + 1);
      spte[page]!.set(0);
      lock.set(0);
    });
    store.atomic("I2", () => pte[page]!.set(0));
    store.atomic("I3", () => lock.set(9), isFree);
    store.atomic("I4", () => {
      seq.update((n) => n + 1);
      inProgress.update((n) => n - 1);
      lock.set(0);
    });
    store.atomic("I5", () => pte[page]!.set(2));
  };
  const shared = new Set<string>();
  const check = () => {
    shared.add([seq, inProgress, lock, ...pte, ...spte].map((cell) => cell.peek()).join());
    return pte.some((entry, page) => entry.peek() === 0 && spte[page]!.peek() !== 0) ? "stale" : undefined;
  };
  const calls = <T>(count: number, call: T) => Array.from({ length: count }, () => call);
  const threads = [
    ...Array.from({ length: vcpus }, (_, v) => ({ name: `vcpu${v}`, calls: calls(faults, fault(v + 1)) })),
    { name: "inval", calls: calls(rounds, invalidate) },
  ];
  return { ...explore(store, threads, counted ? { ...options, check } : options), shared: shared.size };
}

describe("Ring, with finished calls forgotten", () => {
  test.each([
    ["with sleep sets", {}, 113_968],
    ["without sleep sets", { sleepSets: false }, 113_968],
  ])("has 113,968 states and 195 shared ones, %s", (_, options, states) => {
    expect(ring(options)).toMatchObject({ states, verdict: "holds", exhaustive: true });
    expect(ring(options, true)).toMatchObject({ states, shared: 195, verdict: "holds" });
  });

  test("makes fewer steps with sleep sets, and runs the paths for few of them", () => {
    const [reduced, plain] = [ring({ livelocks: false }), ring({ livelocks: false, sleepSets: false })];
    expect(reduced.steps).toBeLessThan(0.8 * plain.steps);
    expect(reduced.runs).toBeLessThan(0.2 * reduced.steps);
  });
});

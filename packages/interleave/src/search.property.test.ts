import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cell, independent, RwLock, SpinLock, Store, Suspendable, search } from "./index.js";

// Small random programs: each thread has a register; cells a and b are free, g is guarded by the spinlock, w by the
// rwlock, l is written under the spinlock and read without.
const CELLS = ["a", "b", "g", "w", "l"] as const;
type CellName = (typeof CELLS)[number];
type Op =
  | { readonly op: "read" | "write" | "add"; readonly cell: CellName }
  | { readonly op: "load"; readonly value: number }
  | { readonly op: "choose" | "lock" | "unlock" | "readLock" | "readUnlock" | "writeLock" | "writeUnlock" };
type Program = readonly (readonly Op[])[];

const access = (...cells: CellName[]): fc.Arbitrary<readonly Op[]> =>
  fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          op: fc.constantFrom("read", "write", "add"),
          cell: fc.constantFrom(...cells),
        }),
      },
      { weight: 2, arbitrary: fc.record({ op: fc.constant("load"), value: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("choose") }) },
    )
    .map((op) => [op as Op]);
const section = (begin: Op["op"], end: Op["op"], ...cells: CellName[]): fc.Arbitrary<readonly Op[]> =>
  fc
    .array(access(...cells), { maxLength: 3 })
    .map((inner) => [{ op: begin } as Op, ...inner.flat(), { op: end } as Op]);
/** One lock within the other. */
const nested = fc
  .tuple(section("lock", "unlock", "a", "g"), section("writeLock", "writeUnlock", "b", "w"), fc.boolean())
  .map(([spin, rw, swap]) => {
    const [outer, inner] = swap ? [rw, spin] : [spin, rw];
    return [...outer.slice(0, -1), ...inner, ...outer.slice(-1)];
  });
const stray = fc
  .constantFrom("lock", "unlock", "readLock", "readUnlock", "writeLock", "writeUnlock")
  .map((op): readonly Op[] => [{ op }]);
const block = fc.oneof(
  { weight: 6, arbitrary: access("a", "b") },
  { weight: 1, arbitrary: access(...CELLS) },
  { weight: 3, arbitrary: section("lock", "unlock", "a", "g", "l") },
  { weight: 2, arbitrary: section("writeLock", "writeUnlock", "b", "w") },
  { weight: 1, arbitrary: section("readLock", "readUnlock", "a", "w") },
  { weight: 3, arbitrary: nested },
  { weight: 1, arbitrary: stray },
);
// A thread that fails before its first step ends the search, so each begins with an access that cannot.
const thread = fc
  .array(block, { minLength: 1, maxLength: 3 })
  .map((blocks) => [{ op: "read", cell: "a" } as Op, ...blocks.flat()].slice(0, 10));
const program: fc.Arbitrary<Program> = fc.oneof(
  { weight: 3, arbitrary: fc.array(thread, { minLength: 2, maxLength: 2 }) },
  {
    weight: 1,
    arbitrary: fc.array(
      thread.map((ops) => ops.slice(0, 6)),
      { minLength: 3, maxLength: 3 },
    ),
  },
);

/** The program on this package. */
function build(ops: Program) {
  const store = new Store();
  const spin = new SpinLock(store, "spin");
  const rw = new RwLock(store, "rw");
  const cells = {
    a: new Cell(store, "a", 0),
    b: new Cell(store, "b", 0),
    g: new Cell(store, "g", 0, { lock: spin }),
    w: new Cell(store, "w", 0, { lock: rw }),
    l: new Cell(store, "l", 0, { lock: spin, lockless: true }),
  };
  const call = (path: readonly Op[]) => () => {
    let register = 0;
    for (const op of path) {
      if (op.op === "read") register = cells[op.cell].get();
      else if (op.op === "write") cells[op.cell].set(register);
      else if (op.op === "add") register = cells[op.cell].update((n) => n + register + 1);
      else if (op.op === "load") register = op.value;
      else if (op.op === "choose") register = store.choose("coin", 2);
      else if (op.op === "lock" || op.op === "unlock") spin[op.op]();
      else rw[op.op]();
    }
    return register;
  };
  const threads = ops.map((path, i) => ({ name: `T${i + 1}`, calls: [call(path)] }));
  const state = () => CELLS.map((name) => cells[name].peek());
  return { store, threads, state };
}

/** All that the program can do, by trying every order of every single operation. */
function enumerate(ops: Program) {
  interface State {
    readonly cells: Record<CellName, number>;
    spin: number;
    writer: number;
    readers: number[];
    readonly threads: { at: number; register: number; held: string[] }[];
  }
  const finals = new Set<string>();
  const violations = new Set<string>();
  const seen = new Set<string>();

  const isBlocked = (state: State, op: Op) =>
    op.op === "lock"
      ? state.spin !== 0
      : op.op === "readLock"
        ? state.writer !== 0
        : op.op === "writeLock" && (state.writer !== 0 || state.readers.length > 0);
  const holders = (state: State, op: Op) =>
    op.op === "lock" ? [state.spin] : state.writer !== 0 ? [state.writer] : state.readers;
  const lockName = (op: Op) => (op.op === "lock" || op.op === "unlock" ? "spin" : "rw");

  /** What is wrong with the operation, if anything; else does it. */
  const perform = (state: State, tid: number, op: Op, outcome: number): string | undefined => {
    const self = state.threads[tid - 1]!;
    const releases = `T${tid} releases ${lockName(op)}, which it does not hold`;
    const release = () => {
      self.held.splice(self.held.lastIndexOf(lockName(op)), 1);
    };
    switch (op.op) {
      case "load":
        self.register = op.value;
        return;
      case "choose":
        self.register = outcome;
        return;
      case "read":
        if (op.cell === "g" && state.spin !== tid) return "read of g without spin";
        if (op.cell === "w" && state.writer !== tid && !state.readers.includes(tid))
          return "read of w without rw";
        self.register = state.cells[op.cell];
        return;
      case "write":
      case "add":
        if ((op.cell === "g" || op.cell === "l") && state.spin !== tid) {
          return `write to ${op.cell} without spin held exclusively`;
        }
        if (op.cell === "w" && state.writer !== tid) return "write to w without rw held exclusively";
        if (op.op === "add") self.register = state.cells[op.cell] + self.register + 1;
        state.cells[op.cell] = self.register;
        return;
      case "lock":
        state.spin = tid;
        self.held.push("spin");
        return;
      case "readLock":
        state.readers = [...state.readers, tid].sort();
        self.held.push("rw");
        return;
      case "writeLock":
        state.writer = tid;
        self.held.push("rw");
        return;
      case "unlock":
        if (state.spin !== tid) return releases;
        state.spin = 0;
        release();
        return;
      case "readUnlock":
        if (!state.readers.includes(tid)) return releases;
        state.readers.splice(state.readers.indexOf(tid), 1);
        release();
        return;
      case "writeUnlock":
        if (state.writer !== tid) return releases;
        state.writer = 0;
        release();
        return;
    }
  };

  const visit = (state: State): void => {
    const key = JSON.stringify(state);
    if (seen.has(key)) return;
    seen.add(key);
    const next = state.threads.map(({ at }, i) => ops[i]![at]);
    for (const [i, op] of next.entries()) {
      if (op !== undefined && isBlocked(state, op) && holders(state, op).includes(i + 1)) {
        violations.add(`deadlock: T${i + 1} blocks on ${lockName(op)}, which it holds itself`);
        return;
      }
    }
    let moved = false;
    for (const [i, op] of next.entries()) {
      if (op === undefined || isBlocked(state, op)) continue;
      moved = true;
      for (let outcome = 0; outcome < (op.op === "choose" ? 2 : 1); outcome++) {
        const after = structuredClone(state);
        const wrong = perform(after, i + 1, op, outcome);
        const self = after.threads[i]!;
        self.at++;
        if (wrong !== undefined) violations.add(`error: ${wrong}`);
        else if (self.at === ops[i]!.length && self.held.length > 0) {
          violations.add(`error: T${i + 1} returned from a call holding ${self.held.join(", ")}`);
        } else visit(after);
      }
    }
    if (moved) return;
    const stuck = next.flatMap((op, i) =>
      op === undefined
        ? []
        : `T${i + 1} waits for ${lockName(op)}, held by ${holders(state, op)
            .map((tid) => `T${tid}`)
            .join(", ")}`,
    );
    if (stuck.length > 0) violations.add(`deadlock: ${stuck.join("; ")}`);
    else
      finals.add(
        JSON.stringify([CELLS.map((name) => state.cells[name]), state.threads.map((t) => t.register)]),
      );
  };
  visit({
    cells: { a: 0, b: 0, g: 0, w: 0, l: 0 },
    spin: 0,
    writer: 0,
    readers: [],
    threads: ops.map(() => ({ at: 0, register: 0, held: [] })),
  });
  return { finals, violations };
}

describe("a search of a random program", () => {
  test("finds the final states and the violations that trying every order finds, no more and no fewer", () => {
    const met = { clean: 0, deadlocked: 0, wrong: 0 };
    fc.assert(
      fc.property(program, (ops) => {
        const { store, threads, state } = build(ops);
        const finals = new Set<string>();
        const result = search(store, threads, {
          stopAtFirst: false,
          atEnd: (results) => {
            finals.add(JSON.stringify([state(), results.map(([register]) => register)]));
            return undefined;
          },
        });
        const violations = new Set(result.violations.map(({ kind, message }) => `${kind}: ${message}`));
        const expected = enumerate(ops);
        expect(violations).toEqual(expected.violations);
        expect(finals).toEqual(expected.finals);
        expect(result.exhaustive).toBe(true);
        expect(state()).toEqual([0, 0, 0, 0, 0]);
        if (violations.size === 0) met.clean++;
        else if ([...violations].some((text) => text.includes("waits for"))) met.deadlocked++;
        else met.wrong++;
      }),
      { numRuns: 600 },
    );
    // The programs are of every sort.
    expect(Math.min(met.clean, met.deadlocked, met.wrong)).toBeGreaterThan(3);
  }, 60_000);
});

describe("steps that are said to be independent", () => {
  test("lead to the same state in either order, and neither stops the other", () => {
    const met = { independent: 0, dependent: 0, different: 0 };
    fc.assert(
      fc.property(
        program,
        fc.array(fc.nat(2), { maxLength: 8 }),
        fc.nat(1),
        fc.nat(1),
        (ops, schedule, x, y) => {
          const { store, threads } = build(ops);
          const tasks = threads.map(({ name, calls }, i) => new Suspendable(store, i + 1, name, calls));
          const begin = store.mark();
          try {
            for (const task of tasks) task.start();
            for (const i of schedule) if (tasks[i]?.isEnabled()) tasks[i].step();
          } catch {
            return store.rollback(begin);
          }
          const mark = store.mark();
          const positions = tasks.map((task) => task.position());
          const back = () => {
            store.rollback(mark);
            tasks.forEach((task, i) => {
              task.restore(positions[i]!);
            });
          };
          const outcomeOf = (i: number) => Math.min(i === 0 ? x : y, tasks[i]!.pending!.outcomes - 1);
          /** The steps made in this order, and the state that they lead to; undefined if one of them cannot be made. */
          const make = (order: readonly number[]) => {
            back();
            try {
              const steps = order.map((i) => {
                if (!tasks[i]!.isEnabled()) throw new Error("stopped");
                return tasks[i]!.step(outcomeOf(i));
              });
              return { steps, state: JSON.stringify([store.hash, tasks.map((task) => task.hash())]) };
            } catch {
              return undefined;
            }
          };
          for (let i = 0; i < tasks.length; i++) {
            for (let j = i + 1; j < tasks.length; j++) {
              const [first, second] = [make([i]), make([j])];
              if (first === undefined || second === undefined) continue;
              const [straight, reversed] = [make([i, j]), make([j, i])];
              if (independent(first.steps[0]!, second.steps[0]!)) {
                met.independent++;
                expect(straight).toBeDefined();
                expect(straight!.state).toBe(reversed!.state);
                expect(straight!.steps[1]).toEqual(second.steps[0]);
              } else {
                met.dependent++;
                if (straight?.state !== reversed?.state) met.different++;
              }
            }
          }
          back();
        },
      ),
      { numRuns: 1500 },
    );
    expect(met.independent).toBeGreaterThan(300);
    // Dependence is no idle word: for most such pairs the order matters.
    expect(met.different).toBeGreaterThan(10);
  }, 60_000);

  test("do not include a step whose condition the other can change", () => {
    const store = new Store();
    const [x, y] = [new Cell(store, "x", 0), new Cell(store, "y", 0)];
    const steps = (call: () => unknown) => {
      const task = new Suspendable(store, 1, "T", [call]);
      const mark = store.mark();
      task.start();
      const accesses = task.step();
      store.rollback(mark);
      return accesses;
    };
    const waits = steps(() =>
      store.atomic(
        "wait",
        () => y.set(1),
        () => x.peek() === 0,
      ),
    );
    const writes = steps(() => x.set(1));
    const reads = steps(() => x.get());
    expect(independent(waits, writes)).toBe(false);
    expect(independent(writes, waits)).toBe(false);
    expect(independent(waits, reads)).toBe(true);
    expect(independent(writes, reads)).toBe(false);
    expect(
      independent(
        writes,
        steps(() => y.get()),
      ),
    ).toBe(true);
    expect(
      independent(
        waits,
        steps(() => y.get()),
      ),
    ).toBe(false);
  });
});

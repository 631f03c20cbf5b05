import { describe, expect, test } from "vitest";
import {
  AGAIN,
  add,
  Cell,
  type Counterexample,
  type ExploreOptions,
  explore,
  Mutex,
  RwLock,
  repeat,
  replay,
  Shared,
  Sparse,
  SpinLock,
  Store,
  type Thread,
  WaitQueue,
} from "../index.js";

type Mistake = "does not check the sequence" | "does not check in_progress" | "samples after the lookup";

/** KVM's retry protocol: a fault must not map a page that an invalidation, begun since it looked, has taken away. */
function protocol(vcpus: number, mistake?: Mistake) {
  const store = new Store();
  const mmuLock = new RwLock(store, "kvm->mmu_lock");
  const seq = new Cell(store, "kvm->mmu_invalidate_seq", 0, { lock: mmuLock, lockless: true });
  const inProgress = new Cell(store, "kvm->mmu_invalidate_in_progress", 0, { lock: mmuLock });
  const pte = new Cell(store, "pte", 1);
  const spte = new Cell(store, "spte", 0, { lock: mmuLock });
  function isStale(sample: number) {
    return (
      (mistake !== "does not check in_progress" && inProgress.get() > 0) ||
      (mistake !== "does not check the sequence" && seq.get() !== sample)
    );
  }
  function userMemAbort() {
    let sample = seq.get();
    const page = pte.get();
    if (mistake === "samples after the lookup") sample = seq.get();
    if (page === 0) return "EFAULT";
    mmuLock.writeLock();
    const stale = isStale(sample);
    if (!stale) spte.set(page);
    mmuLock.writeUnlock();
    return stale ? AGAIN : "mapped";
  }
  function invalidateRange() {
    mmuLock.writeLock();
    add(inProgress, 1);
    spte.set(0);
    mmuLock.writeUnlock();
    pte.set(0);
    mmuLock.writeLock();
    add(seq, 1);
    add(inProgress, -1);
    mmuLock.writeUnlock();
  }
  const check = () =>
    pte.peek() === 0 && spte.peek() !== 0 && inProgress.peek() === 0 ? "stale translation" : undefined;
  const faults = Array.from({ length: vcpus }, (_, i) => ({
    name: `vcpu${i}`,
    calls: [() => repeat(store, "user_mem_abort", userMemAbort)],
  }));
  return { store, threads: [...faults, { name: "vmm", calls: [invalidateRange] }] as Thread[], check };
}

const told = ({ steps, threads }: Counterexample) =>
  steps.map(
    ({ thread, what, fn, isPreemption }) => `${isPreemption ? "* " : ""}${threads[thread]}: ${what}, ${fn}`,
  );

/** What only one thread uses, as far as is known. */
interface Seemingly {
  readonly store: Store;
  readonly cell: Cell<number>;
  readonly sparse: Sparse;
}

describe("a counterexample", () => {
  test("has the fewest preemptions, then the fewest steps, and names the functions", () => {
    const { store, threads, check } = protocol(2, "samples after the lookup");
    const { verdict, sentence, violations, exhaustive } = explore(store, threads, { check });
    expect({ verdict, exhaustive }).toEqual({ verdict: "violated", exhaustive: false });
    expect(sentence).toBe("A property fails after 8 steps, 1 preemption: stale translation.");
    expect(told(violations[0]!.counterexample)).toEqual([
      "vcpu0: reads kvm->mmu_invalidate_seq, userMemAbort",
      "vcpu0: reads pte, userMemAbort",
      "* vmm: takes kvm->mmu_lock, invalidateRange",
      "vmm: writes pte, invalidateRange",
      "vmm: takes kvm->mmu_lock, invalidateRange",
      "vmm: writes kvm->mmu_invalidate_seq, invalidateRange",
      "vcpu0: reads kvm->mmu_invalidate_seq, userMemAbort",
      "vcpu0: takes kvm->mmu_lock, userMemAbort",
    ]);
    const { steps, isShortest, preemptions } = violations[0]!.counterexample;
    expect({ isShortest, preemptions }).toEqual({ isShortest: true, preemptions: 1 });
    expect(steps[2]!.changes).toContainEqual({
      object: "kvm->mmu_invalidate_in_progress",
      key: null,
      before: 0,
      after: 1,
    });
    expect(steps[7]!.accesses.map(({ object, kind, functions }) => [object, kind, functions[0]])).toEqual([
      ["kvm->mmu_lock", "Acquire", "userMemAbort"],
      ["kvm->mmu_invalidate_in_progress", "Read", "isStale"],
      ["kvm->mmu_invalidate_seq", "Read", "isStale"],
      ["spte", "Write", "userMemAbort"],
      ["kvm->mmu_lock", "Release", "userMemAbort"],
    ]);
  });

  test("is data", () => {
    const { store, threads, check } = protocol(1, "does not check the sequence");
    const { counterexample } = explore(store, threads, { check }).violations[0]!;
    expect(JSON.parse(JSON.stringify(counterexample))).toEqual(counterexample);
  });

  test("can be replayed, also on a version that is right", () => {
    const bad = protocol(1, "does not check the sequence");
    const { counterexample } = explore(bad.store, bad.threads, bad).violations[0]!;
    expect(replay(bad.store, bad.threads, counterexample, bad)).toMatchObject({
      isReproduced: true,
      sentence: "Still happens: stale translation.",
      stoppedAt: null,
    });
    const good = protocol(1);
    expect(replay(good.store, good.threads, counterexample, good)).toMatchObject({
      isReproduced: false,
      sentence: `All ${counterexample.steps.length} steps can be made, and nothing goes wrong.`,
    });
  });

  test("says which of its steps no longer exists", () => {
    const bad = protocol(1, "does not check the sequence");
    const { counterexample } = explore(bad.store, bad.threads, bad).violations[0]!;
    const other = protocol(1, "samples after the lookup");
    expect(replay(other.store, other.threads, counterexample, other)).toMatchObject({
      isReproduced: false,
      sentence:
        "Step 7 no longer exists: vcpu0 reads kvm->mmu_invalidate_seq where it had: takes kvm->mmu_lock.",
      stoppedAt: 6,
    });
    expect(replay(other.store, other.threads.slice(1), counterexample, other)).toMatchObject({
      sentence: "Step 1 no longer exists: there is no thread vcpu0.",
    });
    const lock = new Mutex(bad.store, "lock");
    lock.lock();
    const waits = { name: "vcpu0", calls: [() => lock.lock()] };
    const step = { ...counterexample.steps[0]!, what: "takes lock" };
    expect(replay(bad.store, [waits], { ...counterexample, steps: [step] })).toMatchObject({
      sentence: "Step 1 no longer exists: vcpu0 cannot make it now: takes lock.",
    });
  });
});

describe("exploring states", () => {
  test("holds what is right, and says how much it saw", () => {
    const { store, threads, check } = protocol(2);
    const result = explore(store, threads, { check });
    expect(result).toMatchObject({
      verdict: "holds",
      exhaustive: true,
      states: 118,
      finals: 4,
      boundsHit: [],
      sentence: "No violation in any of the 118 states; chance of a hash collision 4e-16.",
    });
    expect(explore(store, threads, {}).states).toBe(118);
  });

  test("tells a lost wake-up from a deadlock", () => {
    const store = new Store();
    const queue = new WaitQueue(store, "rcuwait");
    const ready = new Cell(store, "ready", false);
    const consumer = () => {
      if (ready.get()) return;
      queue.prepare();
      queue.sleep();
    };
    const producer = () => {
      ready.set(true);
      queue.wake();
    };
    const threads = [
      { name: "consumer", calls: [consumer] },
      { name: "producer", calls: [producer] },
    ];
    const { violations } = explore(store, threads);
    expect(violations).toMatchObject([{ kind: "lost wake-up", message: "consumer waits for rcuwait" }]);
    expect(violations[0]!.counterexample.preemptions).toBe(1);
    const locks = [new Mutex(store, "A"), new Mutex(store, "B")];
    const both = (first: Mutex, second: Mutex) => () => {
      first.lock();
      second.lock();
      second.unlock();
      first.unlock();
    };
    const deadlock = explore(store, [
      { name: "P", calls: [both(locks[0]!, locks[1]!)] },
      { name: "Q", calls: [both(locks[1]!, locks[0]!)] },
    ]);
    expect(deadlock.violations).toMatchObject([
      { kind: "deadlock", message: "P waits for B, held by Q; Q waits for A, held by P" },
    ]);
  });

  test("takes a loop that somebody else will end for a wait, and reports one that nobody ends", () => {
    const store = new Store();
    const [flag, other] = [new Cell(store, "flag", 0), new Cell(store, "other", 0)];
    const spin = () => repeat(store, "spin", () => (flag.get() === 1 ? undefined : AGAIN));
    const waits = { name: "vcpu", calls: [spin] };
    for (const method of ["states", "traces"] as const) {
      const right = explore(store, [waits, { name: "vmm", calls: [() => flag.set(1)] }], { method });
      expect(right).toMatchObject({ verdict: "holds", exhaustive: true });
      const wrong = explore(store, [waits, { name: "vmm", calls: [() => other.set(1)] }], { method });
      expect(wrong.violations).toMatchObject([
        {
          kind: "livelock",
          message: "vcpu goes round for ever, and no call is completed",
          counterexample: { loopsTo: 1, steps: [{ what: "writes other" }, { what: "reads flag" }] },
        },
      ]);
      expect(
        replay(store, [waits, { name: "vmm", calls: [] }], wrong.violations[0]!.counterexample),
      ).toMatchObject({
        sentence: "Step 1 no longer exists: vmm is done.",
      });
    }
  });

  test("takes it for a wait that somebody who waited too has yet to move", () => {
    const store = new Store();
    const first = new Cell(store, "first", 0);
    const second = new Cell(store, "second", 0);
    const waitFor = (cell: Cell<number>) =>
      repeat(store, cell.name, () => (cell.get() === 0 ? AGAIN : undefined));
    const threads = [
      { name: "begins", calls: [() => first.set(1)] },
      {
        name: "passes on",
        calls: [
          () => {
            waitFor(first);
            second.set(1);
          },
        ],
      },
      { name: "ends", calls: [() => waitFor(second)] },
    ];
    // Once `first` is set, "ends" goes round for as long as "passes on", which can move, does not.
    expect(explore(store, threads)).toMatchObject({ verdict: "holds", violations: [] });
  });

  test("finds two that make way for each other for ever", () => {
    const store = new Store();
    const wants = [new Cell(store, "wants[0]", false), new Cell(store, "wants[1]", false)];
    const enter = (me: number) => () =>
      repeat(store, "enter", () => {
        wants[me]!.set(true);
        if (!wants[1 - me]!.get()) return true;
        wants[me]!.set(false);
        return AGAIN;
      });
    const threads = [0, 1].map((i) => ({ name: `T${i}`, calls: [enter(i), () => wants[i]!.set(false)] }));
    const { violations } = explore(store, threads);
    expect(violations).toMatchObject([
      { kind: "livelock", message: "T0 and T1 go round for ever, and no call is completed" },
    ]);
    const { counterexample } = violations[0]!;
    expect(replay(store, threads, counterexample).isReproduced).toBe(true);
    expect(
      counterexample.steps
        .slice(counterexample.loopsTo!)
        .map(({ thread }) => thread)
        .sort(),
    ).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test("makes what nobody else can observe part of the step before", () => {
    const store = new Store();
    const shared = new Cell(store, "shared", 0);
    const constant = new Cell(store, "constant", 7);
    const own = [new Cell(store, "own[0]", 0), new Cell(store, "own[1]", 0)];
    const call = (i: number) => () => {
      for (let n = 0; n < 5; n++) own[i]!.set(own[i]!.get() + constant.get());
      add(shared, 1);
      for (let n = 0; n < 5; n++) own[i]!.set(own[i]!.get() + constant.get());
    };
    const threads = [0, 1].map((i) => ({ name: `T${i}`, calls: [call(i)] }));
    const all = explore(store, threads, { fuse: false });
    const fused = explore(store, threads);
    expect([all.states, fused.states]).toEqual([1279, 9]);
    // A check may look at what a thread has for itself: then only reads are fused.
    const checked = explore(store, threads, { check: () => undefined });
    expect(checked.states).toBeGreaterThan(fused.states);
    expect(checked.states).toBeLessThan(all.states);
  });

  test("lets others move before a step that fails, though nobody can observe it", () => {
    const store = new Store();
    const [x, own] = ["x", "own"].map((name) => new Cell(store, name, 0)) as [Cell<number>, Cell<number>];
    const fails = () => {
      x.set(1);
      own.get();
      throw new Error("P fails");
    };
    const sees = () => {
      if (x.get() === 1) throw new Error("Q sees what P did before");
    };
    const threads = [
      { name: "P", calls: [fails] },
      { name: "Q", calls: [sees] },
    ];
    const { violations } = explore(store, threads, { stopAtFirst: false });
    expect(violations.map(({ message }) => message).sort()).toEqual(["P fails", "Q sees what P did before"]);
  });

  test("learns late that what a step reads can be written", () => {
    const store = new Store();
    const [a, b, c] = ["a", "b", "c"].map((name) => new Cell(store, name, 0)) as [
      Cell<number>,
      Cell<number>,
      Cell<number>,
    ];
    const first = () => {
      for (let i = 1; i <= 6; i++) {
        a.set(i);
        if (b.get() !== i) return;
      }
      c.set(1);
      c.set(2);
    };
    const second = () => {
      for (let i = 1; i <= 6; i++) {
        if (a.get() !== i) return 0;
        b.set(i);
      }
      return c.get();
    };
    const seen = new Set<unknown>();
    const atEnd = (results: readonly (readonly unknown[])[]) => {
      seen.add(results[1]![0]);
      return undefined;
    };
    const threads = [
      { name: "first", calls: [first] },
      { name: "second", calls: [second] },
    ];
    expect(explore(store, threads, { atEnd })).toMatchObject({ exhaustive: true });
    expect([...seen].sort()).toEqual([0, 1, 2]);
  });

  // Only after a rare interleaving, and only between the first thread's two writes, does the second one look at what the
  // first had seemed to have for itself.
  test.each<[string, (shared: Seemingly) => number, number[]]>([
    ["read", ({ cell }) => cell.get(), [0, 1, 2]],
    ["read as a whole", ({ sparse }) => sparse.next(0, 10), [0, 1, 2]],
    [
      "looked at by a condition",
      ({ store, cell }) =>
        store.atomic(
          "when it is 1",
          () => 1,
          () => cell.peek() === 1,
        ),
      [0, 1],
    ],
  ])("learns late that what a step writes can be %s", (_, look, results) => {
    const store = new Store();
    const [a, b, flag, cell] = ["a", "b", "flag", "c"].map((name) => new Cell(store, name, 0)) as [
      Cell<number>,
      Cell<number>,
      Cell<number>,
      Cell<number>,
    ];
    const sparse = new Sparse(store, "sparse");
    const first = () => {
      for (let i = 1; i <= 6; i++) {
        a.set(i);
        if (b.get() !== i) return;
      }
      cell.set(1);
      sparse.set(1, 1);
      flag.set(1);
      cell.set(2);
      sparse.set(1, 0);
    };
    const second = () => {
      for (let i = 1; i <= 6; i++) {
        if (a.get() !== i) return 0;
        b.set(i);
      }
      return flag.get() === 1 ? look({ store, cell, sparse }) : 0;
    };
    sparse.set(2, 1);
    const seen = new Set<unknown>();
    const atEnd = (returned: readonly (readonly unknown[])[]) => {
      seen.add(returned[1]![0]);
      return undefined;
    };
    const threads = [
      { name: "first", calls: [first] },
      { name: "second", calls: [second] },
    ];
    expect(explore(store, threads, { atEnd, stopAtFirst: false })).toMatchObject({ exhaustive: true });
    expect([...seen].sort()).toEqual(results);
  });

  test("lets others move between a lock that is given back after a choice and the next step", () => {
    const store = new Store();
    const lock = new SpinLock(store, "lock");
    const cell = new Cell(store, "cell", 0);
    const chooses = () => {
      lock.lock();
      store.choose("coin", 2);
      lock.unlock();
      return cell.get();
    };
    const writes = () => {
      lock.lock();
      cell.set(1);
      cell.set(2);
      lock.unlock();
    };
    const seen = new Set<unknown>();
    explore(
      store,
      [
        { name: "chooses", calls: [chooses] },
        { name: "writes", calls: [writes] },
      ],
      {
        atEnd: (results) => {
          seen.add(results[0]![0]);
          return undefined;
        },
      },
    );
    expect([...seen].sort()).toEqual([0, 1, 2]);
  });

  test("sees that a lock is shared though nobody else ever gets it", () => {
    const store = new Store();
    const [lock, other] = [new SpinLock(store, "lock"), new SpinLock(store, "other")];
    const cell = new Cell(store, "cell", 0);
    const keeps = (kept: SpinLock) => () => {
      cell.update((n) => n + 1);
      kept.lock();
      cell.get();
    };
    const run = (second: SpinLock) =>
      explore(
        store,
        [
          { name: "P", calls: [keeps(lock)] },
          { name: "Q", calls: [keeps(second)] },
        ],
        { stopAtFirst: false },
      ).violations.map(({ message }) => message);
    const held = (name: string, what: string) => `${name} returned from a call holding ${what}`;
    expect(run(lock).sort()).toEqual([held("P", "lock"), held("Q", "lock")]);
    expect(run(other).sort()).toEqual([held("P", "lock"), held("Q", "other")]);
  });

  test("finds every violation once, when it is not to stop", () => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const call = (name: string) => () => {
      if (cell.update((n) => n + 1) === 2) throw new Error(`${name} comes second`);
    };
    const threads = ["P", "Q"].map((name) => ({ name, calls: [call(name)] }));
    const { violations, exhaustive } = explore(store, threads, { stopAtFirst: false });
    expect(violations.map(({ message }) => message).sort()).toEqual(["P comes second", "Q comes second"]);
    expect(exhaustive).toBe(true);
    for (const { counterexample } of violations) expect(counterexample.steps).toHaveLength(2);
  });

  test("reports what fails before the first step", () => {
    const store = new Store();
    const call = () => {
      throw new Error("EINVAL");
    };
    expect(explore(store, [{ name: "T", calls: [call] }])).toMatchObject({
      verdict: "violated",
      states: 0,
      violations: [{ kind: "error", message: "EINVAL", counterexample: { steps: [] } }],
    });
  });

  test("has at most thirty threads", () => {
    const threads = Array.from({ length: 31 }, (_, i) => ({ name: `T${i}`, calls: [] }));
    expect(() => explore(new Store(), threads)).toThrow("31 threads: at most 30");
  });

  test("leaves the store as it was", () => {
    const store = new Store();
    const lock = new SpinLock(store, "lock");
    const cell = new Cell(store, "cell", 5);
    const call = () => {
      lock.lock();
      add(cell, 1);
      lock.unlock();
      if (cell.get() === 7) throw new Error("seven");
    };
    const threads = ["P", "Q"].map((name) => ({ name, calls: [call] }));
    for (const method of ["states", "traces", "random"] as const) {
      expect(explore(store, threads, { method }).verdict).toBe("violated");
      expect([
        cell.peek(),
        lock.holders(),
        store.journalling,
        store.changes,
        store.names,
        store.hash,
      ]).toEqual([5, [], false, 0, ["the caller"], [0, 0]]);
    }
  });
});

describe("a verdict within bounds", () => {
  const counters = (): { store: Store; threads: Thread[]; atEnd: () => string | undefined } => {
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const call = () => cell.set(cell.get() + 1);
    const threads = Array.from({ length: 3 }, (_, i) => ({ name: `T${i}`, calls: [call, call] }));
    return { store, threads, atEnd: () => (cell.peek() === 2 ? "four updates lost" : undefined) };
  };
  const run = (bounds: ExploreOptions) => {
    const { store, threads, atEnd } = counters();
    return explore(store, threads, { atEnd, ...bounds });
  };

  test("names the preemptions", () => {
    expect(run({ bounds: { preemptions: 0 } })).toMatchObject({
      verdict: "unknown",
      exhaustive: false,
      boundsHit: ["preemptions"],
      sentence: expect.stringMatching(/^No violation within 0 preemptions; not exhaustive; chance of a hash/),
    });
    expect(run({ bounds: { preemptions: 3 } })).toMatchObject({
      verdict: "violated",
      violations: [{ counterexample: { preemptions: 1, isShortest: true } }],
    });
    const { store, threads } = counters();
    const all = explore(store, threads, { bounds: { preemptions: 100 }, atEnd: () => undefined });
    expect(all).toMatchObject({ verdict: "holds", exhaustive: true });
    expect(all.states).toBe(explore(store, threads, { fuse: false }).states);
  });

  test("names the states, the traces and the time", () => {
    expect(run({ bounds: { states: 10 } }).sentence).toMatch(
      /^No violation in 10 states, then the bound was reached \(states\); not exhaustive/,
    );
    expect(run({ method: "traces", bounds: { traces: 3 } })).toMatchObject({
      boundsHit: ["traces"],
      traces: 3,
    });
    const { store, threads } = protocol(3);
    const more = threads.map(({ name, calls }) => ({ name, calls: [...calls, ...calls, ...calls] }));
    expect(explore(store, more, { bounds: { milliseconds: 0 } })).toMatchObject({
      verdict: "unknown",
      boundsHit: ["milliseconds"],
    });
  });

  test("walks at random, the same walks from the same seed", () => {
    const walks = (seed: number) => run({ method: "random", seed, bounds: { walks: 20 }, minimize: false });
    expect(walks(1)).toEqual(walks(1));
    expect(walks(1).steps).not.toBe(walks(2).steps);
    const { store, threads } = counters();
    expect(explore(store, threads, { method: "random", bounds: { walks: 7 } }).sentence).toBe(
      "No violation in 7 random walks from seed 1; not exhaustive.",
    );
  });

  test("says that traces are no proof for states between steps", () => {
    const { store, threads, check } = protocol(1);
    expect(explore(store, threads, { method: "traces", check })).toMatchObject({
      verdict: "unknown",
      sentence: expect.stringContaining("the states between steps were not all checked"),
    });
    expect(explore(store, threads, { method: "traces" })).toMatchObject({ verdict: "holds", traces: 3 });
  });
});

describe("steps that are remembered", () => {
  test("are as good as steps that are run", () => {
    const { store, threads, check } = protocol(2);
    const [remembered, run] = [
      explore(store, threads, { check }),
      explore(store, threads, { check, remember: false }),
    ];
    expect(remembered.states).toBe(run.states);
    expect(run.runs).toBe(run.steps);
  });

  test("are given up when a path turns out to look at more than it accesses", () => {
    class Bare extends Shared {
      value = 0;
      // Not journalled as it should be: who looks at it sees what the last run left.
      override restore(): void {}
    }
    const store = new Store();
    const cell = new Cell(store, "cell", 0);
    const bare = new Bare(store, "bare");
    const call = () => {
      add(cell, 1);
      cell.update((n) => n + (bare.value++ % 7));
    };
    const threads = ["P", "Q", "R"].map((name) => ({ name, calls: [call, call] }));
    const result = explore(store, threads, { bounds: { states: 3000 } });
    // What it was taken for was refuted, and it was explored by running every step.
    expect(result.runs).toBe(result.steps);
  });

  test("let paths peek at what is shared", () => {
    const store = new Store();
    const [a, b] = [new Cell(store, "a", 0), new Cell(store, "b", 0)];
    const seen = new Set<string>();
    const threads = [
      { name: "P", calls: [() => add(a, 1) + 10 * b.peek()] },
      { name: "Q", calls: [() => b.set(1)] },
    ];
    for (const method of ["states", "traces"] as const) {
      explore(store, threads, {
        method,
        atEnd: (results) => {
          seen.add(`${method} ${results[0]}`);
          return undefined;
        },
      });
    }
    expect([...seen].sort()).toEqual(["states 1", "states 11", "traces 1", "traces 11"]);
  });
});

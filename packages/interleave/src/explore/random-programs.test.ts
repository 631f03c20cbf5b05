import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { replay } from "./counterexample.js";
import { type ExploreOptions, explore } from "./explore.js";
import { bruteForce } from "./testing/brute-force.js";
import { build, type RandomProgram, randomProgram } from "./testing/random-program.js";

/** The full ten thousand: KVMM_RANDOM_PROGRAMS=10000. */
const RUNS = Number(process.env["KVMM_RANDOM_PROGRAMS"] ?? 150);
const SEED = Number(process.env["KVMM_RANDOM_SEED"] ?? 1);
const MAX_STATES = 1500;
const DEPTH = 60;

/** What an exploration finds, in the form of the reference. */
function found(program: RandomProgram, options: ExploreOptions) {
  const { store, threads, final } = build(program);
  const finals = new Set<string>();
  const result = explore(store, threads, {
    ...options,
    stopAtFirst: false,
    minimize: false,
    atEnd: (results) => {
      finals.add(`${final()} ${JSON.stringify(results)}`);
      return undefined;
    },
  });
  const violations = new Set<string>();
  const livelocks: number[] = [];
  for (const { kind, message } of result.violations) {
    if (kind !== "livelock") violations.add(`${kind}: ${message}`);
    else
      livelocks.push([...message.matchAll(/T(\d)/g)].reduce((set, [, n]) => set | (1 << (Number(n) - 1)), 0));
  }
  return { finals, violations, livelocks, result };
}

describe("on random programs with locks, wait queues, SRCU, choices and loops", () => {
  test("both searches and plain brute force find the same final states and the same violations", () => {
    const met = {
      programs: 0,
      clean: 0,
      deadlocked: 0,
      lost: 0,
      wrong: 0,
      livelocked: 0,
      traced: 0,
      replayed: 0,
      tooLarge: 0,
    };
    const saved = { steps: 0, stepsWithout: 0, states: 0, statesWithout: 0 };
    fc.assert(
      fc.property(randomProgram, (program) => {
        const { store, threads, final } = build(program);
        const everything = bruteForce(store, threads, final, MAX_STATES);
        if (everything === null) {
          met.tooLarge++;
          return;
        }
        met.programs++;
        const compare = (options: ExploreOptions) => {
          const { finals, violations, livelocks, result } = found(program, options);
          expect(finals).toEqual(everything.finals);
          expect(violations).toEqual(everything.violations);
          expect(livelocks.length > 0).toBe(everything.livelocks.size > 0);
          for (const set of livelocks) expect(everything.livelocks).toContain(set);
          return result;
        };
        const reduced = compare({});
        const plain = compare({ sleepSets: false, fuse: false, remember: false });
        // A program that fails before its first step has no states.
        if (everything.states > 0) expect(plain.states).toBe(everything.states);
        expect(compare({ fuse: false }).states).toBe(plain.states);
        compare({ sleepSets: false });
        saved.steps += reduced.steps;
        saved.stepsWithout += plain.steps;
        saved.states += reduced.states;
        saved.statesWithout += plain.states;
        const options: ExploreOptions = { method: "traces", bounds: { depth: DEPTH, traces: 5000 } };
        if (found(program, options).result.boundsHit.length === 0) {
          compare(options);
          met.traced++;
        }
        for (const { kind, counterexample } of explore(store, threads).violations) {
          expect({ kind, ...replay(store, threads, counterexample) }).toMatchObject({
            kind,
            isReproduced: true,
          });
          met.replayed++;
        }
        const all = [...everything.violations];
        if (everything.livelocks.size > 0) met.livelocked++;
        if (all.some((text) => text.startsWith("deadlock"))) met.deadlocked++;
        if (all.some((text) => text.startsWith("lost"))) met.lost++;
        if (all.some((text) => text.startsWith("error"))) met.wrong++;
        if (all.length === 0 && everything.livelocks.size === 0) met.clean++;
      }),
      { numRuns: RUNS, seed: SEED },
    );
    if (RUNS > 1000) console.log(JSON.stringify({ met, saved }));
    // The programs are of every sort, and the reductions reduce.
    expect(Math.min(met.clean, met.deadlocked, met.lost, met.wrong, met.livelocked)).toBeGreaterThan(3);
    expect(met.traced).toBeGreaterThan(met.programs * 0.8);
    expect(saved.states).toBeLessThan(saved.statesWithout);
    expect(saved.steps).toBeLessThan(saved.stepsWithout);
  }, 3_600_000);
});

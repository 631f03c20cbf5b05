import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { agree, Met } from "./testing/agreement.js";
import { randomProgram } from "./testing/random-program.js";

/** `npm run random-programs` makes it a million. */
const RUNS = Number(process.env["KVMM_RANDOM_PROGRAMS"] ?? 10_000);
const SEED = Number(process.env["KVMM_RANDOM_SEED"] ?? 1);

function compareAll(numRuns: number, seed: number, maxStates: number, oneIn: number): Met {
  const met = new Met();
  let n = 0;
  fc.assert(
    fc.property(randomProgram, (program) => agree(program, maxStates, n++ % oneIn === 0, met)),
    { numRuns, seed },
  );
  return met;
}

describe("both searches and plain brute force find the same final states, violations and livelocks", () => {
  test(`on ${RUNS.toLocaleString("en")} small programs from seed ${SEED}`, () => {
    const met = compareAll(RUNS, SEED, 120, 40);
    const { programs, traced, clean, deadlocked, lost, failing, livelocked, operations } = met;
    console.log(JSON.stringify({ ...met, operations: Object.fromEntries(operations) }));
    expect(programs).toBeGreaterThan(0.85 * RUNS);
    expect(traced).toBeGreaterThan(0.8 * programs);
    // Each sort of program is there in numbers, and each operation.
    const sorts = { clean, deadlocked, lost, failing, livelocked };
    for (const [sort, count] of Object.entries(sorts)) {
      expect.soft({ sort, enough: count > programs / 50 }).toEqual({ sort, enough: true });
    }
    expect(operations.size).toBe(26);
    for (const [op, count] of operations) {
      expect.soft({ op, enough: count > programs / 100 }).toEqual({ op, enough: true });
    }
  }, 86_400_000);

  test("on a hundred larger ones, with and without each reduction, and the reductions reduce", () => {
    const { saved, replayed, states, programs } = compareAll(100, 2, 1500, 1);
    expect(states / programs).toBeGreaterThan(30);
    expect(saved.states).toBeLessThan(0.9 * saved.statesWithout);
    expect(replayed).toBeGreaterThan(20);
  }, 600_000);
});

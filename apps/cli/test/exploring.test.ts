import { builtIn } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { kvmm } from "./fake-context.js";

const race = "fault-mprotect@anon";
const run = (...args: string[]) => kvmm(["run", race, ...args, "--json"], { model: builtIn });

describe("run explores", () => {
  test.each([
    [[], /^every interleaving of the threads \(\d+ states; chance of a hash collision .*\)$/, true],
    [["--random", "30", "--seed", "7"], /^30 random walks from seed 7; not exhaustive$/, false],
    [["--preemptions", "1"], /^every interleaving with at most 1 preemption \(.*\); not exhaustive$/, false],
    [["--states", "50"], /until the bound was reached, states \(50 states; .*\); not exhaustive$/, false],
    [["--seconds", "600"], /^every interleaving of the threads /, true],
  ])("%s", async (args, covered, complete) => {
    const { status, stdout } = await run(...args);
    const { exploration, notCovered, sentence } = JSON.parse(stdout);
    expect(exploration).toMatchObject({ covered: expect.stringMatching(covered), complete });
    expect(sentence).toContain(exploration.covered);
    expect(notCovered.includes("the other interleavings of the threads")).toBe(!complete);
    expect(status).toBe(0);
  });

  test.each([
    [["--random", "0"], "it should be a whole number from 1 to 999,999,999."],
    [["--states", "many"], "it should be a whole number from 1 to 999,999,999."],
    [["--random", "5", "--preemptions", "1"], "cannot be used with"],
  ])("refuses %s", async (args, why) => {
    const { status, stderr } = await run(...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(why) });
  });
});

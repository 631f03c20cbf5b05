import { expect, test } from "vitest";
import { compare } from "../compare/compare.js";
import type { Step } from "../format/step.js";
import { isSurelySampled } from "./chance.js";
import { runScenario } from "./run-scenario.js";

const PAGE = 4096;

test("DAMON surely samples a huge page in 1.6 s, and each of a few pages, but not each of a thousand", () => {
  expect(isSurelySampled(1024 * PAGE, 512 * PAGE, 1600)).toBe(true);
  expect(isSurelySampled(16 * PAGE, PAGE, 1600)).toBe(true);
  expect(isSurelySampled(1024 * PAGE, PAGE, 1600)).toBe(false);
  expect(isSurelySampled(16 * PAGE, PAGE, 5)).toBe(false);
});

const RAM = 0x2000_0000_0000;
const steps: Step[] = [
  {
    call: "mmap",
    args: { addr: RAM, length: "256p", prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] },
    as: "ram",
  },
  { call: "madvise", args: { addr: "ram", length: "256p", advice: "MADV_NOHUGEPAGE" } },
  {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: { slot: 0, guest_phys_addr: 0x8000_0000, memory_size: "256p", userspace_addr: "ram" },
  },
  { call: "vcpu_write", args: { gpa: 0x8000_0000, length: "256p" } },
  { call: "damon", args: { ops: "fvaddr", addr: "ram", length: "256p", ms: 400, toucher: [] } },
  { call: "vcpu_read", args: { gpa: 0x8000_0000, length: "16p" } },
];

test("which of many pages DAMON aged is left open, until the guest uses them", () => {
  const { observed } = runScenario({ machine: { config: "lab" }, steps });
  expect(observed[4]!.stage2_maybe_young).toHaveLength(256);
  expect(observed[5]!.stage2_maybe_young).toHaveLength(240);
  expect(observed[4]!.notifiers!.every(({ maybe }) => maybe === true)).toBe(true);

  const other = observed.map((observation, step) => {
    const { stage2_maybe_young: _, notifiers, ...rest } = observation;
    // The kernel does not print the last range.
    const stage2 = observation.stage2!.slice(0, -1);
    if (step < 4) return { ...rest, stage2 };
    // Another outcome: only the second half of the pages was sampled.
    const entries = stage2.flatMap((entry): (typeof entry)[] => {
      const [first, end, level, words] = entry;
      if (words !== "R W PXNUXN" || level !== 3) return [entry];
      return [
        [first, 0x8008_0000, 3, "R W PXNUXN AF"],
        [0x8008_0000, end, 3, words],
      ];
    });
    const half = notifiers?.map((one) => ({ ...one, pages: [[128, 256]] as const }));
    return { ...rest, stage2: entries, ...(half === undefined ? {} : { notifiers: half }) };
  });
  const recorded = { machine: { config: "lab" }, steps, observed: other };
  expect(compare(recorded, observed)).toEqual([]);

  // What the guest used since is young, whatever DAMON did.
  const wrong = other.map((observation, step) =>
    step === 5
      ? { ...observation, stage2: observation.stage2!.map(([f, e, l]) => [f, e, l, ""] as const) }
      : observation,
  );
  expect(compare({ ...recorded, observed: wrong }, observed).map(({ field }) => field)).toEqual(["stage2"]);
});

import { describe, expect, test } from "vitest";
import { patches } from "../patches/patches.js";
import type { SpeMemory } from "./guest-memory.js";
import { type SpeSimulationOptions, simulateSpe } from "./simulate-spe.js";
import { sweepSpe } from "./sweep-spe.js";

const RFC = "gmem-ignore-notifiers-rfc";

const profile = (memory: SpeMemory, more: Partial<SpeSimulationOptions> = {}) =>
  simulateSpe({ memory, operations: 400_000, ...more });

const undisturbed = profile("gmem", { activity: "none" });

test("a guest that nobody disturbs writes a record for every sample, and perf reads them all", () => {
  expect(undisturbed).toMatchObject({
    lost: 0,
    blackoutSamples: 0,
    missing: 0,
    faults: 0,
    vcpuFaults: 0,
    mappedPages: 16,
  });
  expect(undisturbed.written).toBeGreaterThan(380);
  expect(undisturbed.read).toBe(undisturbed.written);
});

describe.each(["anon", "gmem"] as const)("NUMA balancing on %s memory", (memory) => {
  const disturbed = profile(memory);

  test("takes the whole buffer from stage 2: each scan loses a record and what is due until profiling goes on", () => {
    expect(disturbed).toMatchObject({ activities: 3, lost: 3, faults: 3, vcpuFaults: 48 });
    expect(disturbed.blackoutSamples).toBeGreaterThan(50);
    expect(disturbed.written).toBe(disturbed.read);
    // What is missing is what the undisturbed guest has, but for the samples that straddle a blackout.
    expect(Math.abs(undisturbed.written - disturbed.written - disturbed.missing)).toBeLessThanOrEqual(6);
  });

  test("ends profiling for good with a driver that touches nothing but what was written", () => {
    const stuck = profile(memory, { recovery: "driver" });
    expect(stuck.mappedPages).toBe(0);
    expect(stuck.written).toBeLessThan(disturbed.written);
    const longer = profile(memory, { recovery: "driver", operations: 800_000 });
    const { written, lost, faults } = stuck;
    expect(longer).toMatchObject({ written, lost, faults });
    expect(longer.missing - stuck.missing).toBeGreaterThanOrEqual(390);
  });
});

const clean = { written: undisturbed.written, missing: 0, faults: 0, mappedPages: 16 };

/** What matters of a profile that nothing disturbed. */
const figures = ({ written, missing, faults, mappedPages }: ReturnType<typeof profile>) => ({
  written,
  missing,
  faults,
  mappedPages,
});

describe("the SPE series", () => {
  test("version 4 locks the memslot and has no NUMA balancing; compaction leaves pinned pages alone", () => {
    const locked = { policy: "lock-memslot" } as const;
    expect(figures(profile("anon", locked))).toEqual(clean);
    expect(profile("anon", locked)).toMatchObject({ activities: 0, pinnedPages: 16 });
    expect(figures(profile("anon", { ...locked, activity: "compaction" }))).toEqual(clean);
    expect(profile("anon", { activity: "compaction" }).faults).toBe(3);
  });

  test("locked memory loses records to KSM: its notifier comes before it finds that the page is pinned", () => {
    const ksm = { activity: "ksm", operations: 600_000 } as const;
    const locked = profile("anon", { ...ksm, policy: "lock-memslot" });
    expect(locked.faults).toBeGreaterThan(0);
    expect(locked.faultsByKind).toEqual({ "translation level 3": locked.faults });
    expect(profile("anon", { ...ksm, policy: "pin-on-enable" }).faults).toBe(0);
  });

  test("version 6 pins the buffer when it is enabled, and no notifier but that of an unmapping takes it", () => {
    for (const activity of ["numa-balancing", "ksm", "compaction"] as const) {
      const pinned = profile("anon", { policy: "pin-on-enable", activity });
      expect(figures(pinned), activity).toEqual(clean);
      expect(pinned).toMatchObject({ activities: 3, pinnedPages: 16, vcpuFaults: 0 });
    }
  });

  test("version 7 maps guest_memfd beforehand, which stays mapped only with a patch for the notifiers", () => {
    expect(profile("gmem", { policy: "gmem-prefault" }).faults).toBe(3);
    expect(figures(profile("gmem", { policy: "gmem-prefault", patches: [RFC] }))).toEqual(clean);
  });

  test("a policy on memory that it is not about ends the simulation with a word", () => {
    expect(profile("gmem", { policy: "pin-on-enable" }).stopped).toContain("pin-on-enable on gmem memory");
    expect(profile("anon", { policy: "gmem-prefault" }).stopped).toContain("gmem-prefault on anon memory");
  });
});

describe("dirty logging", () => {
  test("write-protects the buffer: SPE takes permission faults", () => {
    const { faults, faultsByKind } = profile("anon", { activity: "dirty-logging" });
    expect(faults).toBe(2);
    expect(faultsByKind).toEqual({ "permission level 3": 2 });
  });

  test("splits the block that maps the buffer, and puts it together again: faults between break and make", () => {
    const split = profile("thp", { activity: "dirty-logging" });
    expect(split.windowFaults).toBeGreaterThan(0);
    expect(split.faultsByKind["translation level 2"]).toBe(split.windowFaults);
    const fast = profile("thp", { activity: "dirty-logging", window: 0 });
    expect(fast.windowFaults).toBe(0);
  });

  test("is refused for guest_memfd, and for a locked memslot", () => {
    const activity = "dirty-logging";
    expect(profile("gmem", { activity }).activities).toBe(0);
    expect(profile("anon", { activity, policy: "lock-memslot" }).activities).toBe(0);
  });
});

test.each(["numa-balancing", "dontneed"] as const)(
  "with the RFC, %s costs a guest_memfd-only slot nothing",
  (activity) => {
    const { written, missing, faults, mappedPages } = profile("gmem", { activity, patches: [RFC] });
    expect({ written, missing, faults, mappedPages }).toEqual({
      written: undisturbed.written,
      missing: 0,
      faults: 0,
      mappedPages: 16,
    });
  },
);

test("the RFC changes nothing for anonymous memory", () => {
  expect({ ...profile("anon", { patches: [RFC] }), patches: [] }).toEqual(profile("anon"));
});

test("MADV_DONTNEED takes from anonymous memory what was written and not read; guest_memfd keeps it", () => {
  const anonymous = profile("anon", { activity: "dontneed" });
  expect(anonymous.read).toBeLessThan(anonymous.written);
  const gmem = profile("gmem", { activity: "dontneed" });
  expect(gmem.read).toBe(gmem.written);
  expect(gmem.faults).toBe(3);
});

test("the same seed gives the same profile", () => {
  const jitter = { operations: 200_000, interval: 30_000 };
  expect(profile("gmem", { ...jitter, seed: 7 })).toEqual(profile("gmem", { ...jitter, seed: 7 }));
});

test("a sweep compares the kinds of memory under each policy, and guest_memfd with each built-in patch", () => {
  const rows = sweepSpe({ operations: 100_000, intervals: [20_000, 50_000] });
  const missing = rows.map(({ label, runs }) => [label, runs.some((run) => run.missing > 0)]);
  expect(missing).toEqual([
    ["anonymous", true],
    ["anonymous, lock-memslot", false],
    ["anonymous, pin-on-enable", false],
    ["guest_memfd-only", true],
    ["guest_memfd-only, gmem-ignore-notifiers-rfc", false],
    ["guest_memfd-only, gmem-skip-handler", false],
    ["guest_memfd-only, gmem-skip-unmap-keep-range", false],
    ["guest_memfd-only, gmem-prefault", true],
    ["guest_memfd-only, gmem-prefault, gmem-ignore-notifiers-rfc", false],
  ]);
});

test("a sweep of dirty logging is about memory that has it", () => {
  const rows = sweepSpe({
    activity: "dirty-logging",
    operations: 60_000,
    intervals: [20_000],
    policies: ["none"],
  });
  expect(rows.map(({ label }) => label)).toEqual(["anonymous", "transparent huge page"]);
});

test("every built-in patch can be simulated", () => {
  for (const patch of patches) {
    const { stopped } = simulateSpe({
      memory: "anon",
      patches: [patch],
      operations: 60_000,
      interval: 20_000,
    });
    expect(stopped, patch.name).toBeUndefined();
  }
});

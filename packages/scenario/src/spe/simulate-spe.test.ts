import { describe, expect, test } from "vitest";
import { patches } from "../patches/patches.js";
import { type SpeSimulationOptions, simulateSpe } from "./simulate-spe.js";
import { sweepSpe } from "./sweep-spe.js";

const RFC = "gmem-ignore-notifiers-rfc";

const profile = (memory: "anon" | "gmem", more: Partial<SpeSimulationOptions> = {}) =>
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
    expect(stuck.lost).toBeGreaterThan(disturbed.lost);
    expect(stuck.written).toBeLessThan(disturbed.written);
  });

  test("does not happen where the policy forbids it", () => {
    const { written, activities, missing } = profile(memory, { policy: "no-numa-balancing" });
    expect({ written, activities, missing }).toEqual({
      written: undisturbed.written,
      activities: 0,
      missing: 0,
    });
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

test("a sweep compares the kinds of memory, and guest_memfd with each built-in patch", () => {
  const rows = sweepSpe({ operations: 100_000, intervals: [20_000, 50_000] });
  expect(rows.map(({ label }) => label)).toEqual([
    "anonymous",
    "guest_memfd-only",
    "guest_memfd-only, gmem-ignore-notifiers-rfc",
    "guest_memfd-only, gmem-skip-handler",
    "guest_memfd-only, gmem-skip-unmap-keep-range",
  ]);
  expect(rows.map(({ runs }) => runs.some(({ missing }) => missing > 0))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
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

import { expect, test } from "vitest";
import { gmemIgnoreNotifiersRfc } from "../patches/gmem-ignore-notifiers-rfc.js";
import { undoD05 } from "../patches/undo-d05-mark-dirty-before-mapping.js";
import { review } from "./review.js";
import { speAnswer } from "./spe-answer.js";

const { parts, notCovered, sentence } = review(gmemIgnoreNotifiersRfc, { races: false, kernels: ["7.2"] });

test("the RFC's review: records are lost to NUMA balancing without the patch, and none with it", () => {
  const { without, with: patched, holds, text } = parts.find(({ arch }) => arch === "arm64")!.spe!;
  expect(without).toMatchObject({ patches: [], lost: 3, faults: 3, vcpuFaults: 48 });
  expect(without.blackoutSamples).toBeGreaterThan(0);
  expect(patched).toMatchObject({ lost: 0, blackoutSamples: 0, faults: 0, vcpuFaults: 0, mappedPages: 16 });
  expect(holds).toBe(true);
  expect(text).toMatch(
    /In the model it does: no fault of SPE .* and none of \d+ scenarios unmaps anything; it did not hold without the patch\.$/,
  );
});

test("a review of x86 says nothing of SPE, and all say how far it goes", () => {
  expect(parts.map(({ arch, spe }) => [arch, spe !== undefined])).toEqual(
    parts.map(({ arch }) => [arch, arch === "arm64"]),
  );
  expect(notCovered).toContainEqual(
    expect.stringMatching(
      /^Arm SPE beyond one buffer .* with and without the policies .* one record's write against a scan/,
    ),
  );
  expect(sentence).toContain("SPE beyond one buffer under NUMA balancing");
});

test("with a patch about something else the guarantee still does not hold", () => {
  const { holds, text } = speAnswer({ kernel: "7.2", base: [], patch: undoD05, rows: [] });
  expect(holds).toBe(false);
  expect(text).toContain("In the model it does not: 3 faults of SPE");
});

test("a patch under review on top of one that keeps the mappings changes nothing", () => {
  const { without, with: patched } = speAnswer({
    kernel: "7.2",
    base: [gmemIgnoreNotifiersRfc],
    patch: undoD05,
    rows: [],
  });
  expect({ ...patched, patches: [] }).toEqual({ ...without, patches: [] });
});

test("the numbers for base, patch and policies are the same to the byte each time, and follow from the seed", () => {
  const answer = (seed?: number) =>
    speAnswer({
      kernel: "7.2",
      base: [],
      patch: gmemIgnoreNotifiersRfc,
      rows: [],
      races: false,
      ...(seed === undefined ? {} : { seed }),
    });
  const first = answer();
  expect(JSON.stringify(answer(1))).toBe(JSON.stringify(first));
  const ways = [
    ["guest_memfd", first.without],
    ["guest_memfd, patched", first.with],
  ] as const;
  const figures = [...ways, ...first.policies.map(({ label, profile }) => [label, profile] as const)].map(
    ([label, { seed, written, lost, blackoutSamples, faults, vcpuFaults, mappedPages }]) =>
      [label, seed, written, lost, blackoutSamples, faults, vcpuFaults, mappedPages].join(" "),
  );
  expect(figures).toEqual([
    "guest_memfd 1 132 3 60 3 48 16",
    "guest_memfd, patched 1 195 0 0 0 0 16",
    "anonymous, lock-memslot, no scans 1 195 0 0 0 0 16",
    "anonymous, pin-on-enable 1 195 0 0 0 0 16",
    "guest_memfd, gmem-prefault, patched 1 195 0 0 0 0 16",
  ]);
  const other = answer(2);
  expect(other.without.seed).toBe(2);
  expect(other.with).toMatchObject({ lost: 0, blackoutSamples: 0, faults: 0 });
});

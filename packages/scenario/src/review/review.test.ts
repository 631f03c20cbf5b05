import { describe, expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import { definePatch } from "../patches/define-patch.js";
import { gmemIgnoreNotifiersRfc } from "../patches/gmem-ignore-notifiers-rfc.js";
import { gmemSkipHandler } from "../patches/gmem-skip-handler.js";
import { gmemSkipUnmapKeepRange } from "../patches/gmem-skip-unmap-keep-range.js";
import { numaAnswer } from "./numa-answer.js";
import { review } from "./review.js";

const first = allRecordings
  .filter(({ file }) => file.endsWith("/first.jsonl"))
  .map((entry, index) => ({ ...entry, line: index + 1 }));

const [rfc] = review(gmemIgnoreNotifiersRfc, { recordings: first, races: false }).parts;

test("the RFC's review stands on 45 recordings without the patch and 32 with it, all reproduced", () => {
  expect(rfc!.evidence.without).toMatchObject({ reproduced: 45, differ: 0, notModelled: 0 });
  expect(rfc!.evidence.with).toMatchObject({
    reproduced: 32,
    differ: 0,
    notModelled: 0,
    recordedOn: ["7.2.13-rfc"],
  });
});

test("with the RFC no operation but a hole punch takes anything from the stage 2 of a guest_memfd-only slot", () => {
  const gmem = rfc!.rows.filter(({ gmemOnly, kind }) => gmemOnly && kind === "operation");
  expect(gmem.some((row) => row.without.lost > 0 && !row.takesMemory)).toBe(true);
  for (const row of gmem) {
    if (row.takesMemory) expect(row.with, row.scenario).toEqual(row.without);
    else expect(row.with, row.scenario).toMatchObject({ lost: 0, faults: 0, failed: 0 });
  }
});

test("the RFC changes nothing for ordinary slots", () => {
  const changed = rfc!.rows.filter((row) => !row.gmemOnly && row.changed);
  expect(changed).toEqual([]);
});

test("NUMA balancing reaches a guest_memfd-only slot without any policy, and keeps away from most policies", () => {
  const { reached, notReached } = numaAnswer(rfc!);
  const names = (rows: readonly { readonly scenario: string }[]) =>
    rows.map(({ scenario }) => scenario).sort();
  expect(names(reached)).toEqual([
    "numa-policy-default@gmem",
    "numa-policy-mbind-bind0-nb@gmem",
    "numa-policy-mbind-bind01-nb@gmem",
    "numa-policy-mbind-default@gmem",
    "numa-policy-mbind-prefmany01-nb@gmem",
    "numa-policy-nb-tiering@gmem",
    "numa-policy-smp-bind01-nb@gmem",
    "numa-policy-smp-default@gmem",
  ]);
  expect(names(notReached)).toContain("numa-policy-nb-off@gmem");
  expect(notReached).toHaveLength(11);
});

test("a patch that counts the invalidation but records no range trips the kernel's own warning", () => {
  const { verdict, parts } = review(gmemSkipHandler, { races: false });
  expect(verdict).toBe("breaks");
  expect(parts[0]!.broken[0]!.violation.text).toContain("kvm_mmu_invalidate_end");
});

test("the reading that keeps the range trips nothing, and loses as little as the RFC", () => {
  const result = review(gmemSkipUnmapKeepRange, { races: false });
  expect(result.verdict).toBe("holds");
  expect(result.parts[0]!.rows.map((row) => row.with)).toEqual(rfc!.rows.map((row) => row.with));
});

test("a patch that ignores the notifiers of ordinary slots leaves stale stage-2 mappings, and the review says so", () => {
  const ignoreAll = definePatch({
    name: "ignore-all",
    title: "Ignore MMU notifiers",
    origin: "a mistake",
    text: "kvm_handle_hva_range() skips every slot.",
    change: { kvm: (base) => ({ ...base, slotInHvaRange: () => "ignore" }) },
  });
  const { verdict, parts, sentence } = review(ignoreAll, { recordings: first, races: false });
  expect(verdict).toBe("breaks");
  expect(new Set(parts[0]!.broken.map(({ violation }) => violation.property))).toEqual(
    new Set(["no stale stage-2 mapping"]),
  );
  expect(sentence).toContain("none of one with ignore-all: that side is the model's word alone");
});

test("what a review does not cover is said in its sentence and in notCovered", () => {
  const { sentence, notCovered } = review(gmemIgnoreNotifiersRfc, { races: false });
  expect(sentence).toContain("Not covered: races of more threads");
  expect(notCovered[0]).toContain("races of more threads");
});

describe("the races of the RFC's review", () => {
  const [part] = review(gmemIgnoreNotifiersRfc, { architectures: ["arm64"] }).parts;

  test("are explored exhaustively on both sides, and none breaks a rule on arm64", () => {
    expect(part!.races.length).toBeGreaterThan(5);
    for (const { scenario, without, with: patched } of part!.races) {
      expect(without, scenario).toMatchObject({ verdict: "holds", complete: true });
      expect(patched, scenario).toMatchObject({ verdict: "holds", complete: true });
    }
  });
});

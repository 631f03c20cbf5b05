import fc from "fast-check";
import { expect, test } from "vitest";
import { NotModelled } from "../not-modelled.js";
import { anyCalls, begin, makeCall, type Sequence } from "../testing/world/any-call.js";
import type { KindName } from "../testing/world/kinds-of-memory.js";

/** The calls in order, and after each what must hold. @throws Error with what does not */
function run(sequence: Sequence, deafTo: string | null = null): "done" | "not modelled" {
  const { kinds, steps } = sequence;
  const w = begin(sequence, deafTo);
  const holds = (wrong: string | undefined, when: string) => {
    if (wrong !== undefined) throw new Error(`${when}: ${wrong}`);
  };
  for (const [at, each] of steps.entries()) {
    const when = `${at}, ${each.call} of ${each.kind}`;
    try {
      makeCall(w, each);
    } catch (error) {
      if (error instanceof NotModelled) return "not modelled";
      throw error;
    }
    holds(w.audit.afterCall(), when);
    if (at % 4 === 3) {
      holds(w.pinHolds(), when);
      for (const actor of w.actors) w.readAll(actor, [each.kind]);
      holds(w.audit.afterCall(), `${when}, then read`);
    }
  }
  // In every other run what was paged out stays so until the exit.
  if (steps.length % 2 === 0) {
    holds(w.audit.ofEverything(w.mms), "before the exit");
    holds(w.pinHolds(), "at last");
    for (const actor of w.actors) w.readAll(actor, kinds);
  }
  holds(w.end(steps.length % 3 === 0), "the exit");
  return "done";
}

const LONGEST = 20;

test("any calls on all kinds of memory: counts, reverse mapping and notifiers agree, and contents stay", () => {
  const outcomes = { done: 0, "not modelled": 0 };
  fc.assert(
    fc.property(anyCalls(LONGEST), (sequence) => {
      outcomes[run(sequence)]++;
    }),
    { numRuns: 1000 },
  );
  expect(outcomes.done).toBeGreaterThan(99 * outcomes["not modelled"]);
}, 240_000);

// Each with the memory that it takes, besides anonymous pages.
test.each<[string, readonly KindName[]]>([
  ["__split_huge_pmd", ["thp"]],
  ["change_pud_range", []],
  ["collapse_huge_page", ["thp"]],
  ["copy_hugetlb_page_range", ["hugetlb"]],
  ["copy_page_range", []],
  ["do_huge_zero_wp_pmd", ["thp"]],
  ["do_pagemap_scan", []],
  ["hugetlb_change_protection", ["hugetlb"]],
  ["hugetlb_wp", ["hugetlb"]],
  ["move_hugetlb_page_tables", ["hugetlb"]],
  ["move_page_tables", []],
  ["move_pages_ptes", ["lazy"]],
  ["replace_page", []],
  ["try_to_migrate_one", []],
  ["try_to_unmap_one", []],
  ["unmap_hugepage_range", ["sharedHugetlb"]],
  ["unmap_vmas", []],
  ["wp_page_copy", []],
  ["write_protect_page", []],
  ["zap_vma_for_reaping", []],
  ["zap_vma_range_batched", []],
])(
  "if %s raised no notifier, it would be noticed",
  (site, among) => {
    const property = fc.property(anyCalls(LONGEST, among), (sequence) => {
      run(sequence, site);
    });
    const { failed, counterexample } = fc.check(property, { numRuns: 500, endOnFailure: true, seed: 1 });
    expect(failed).toBe(true);
    // And nothing else is wrong with it.
    expect(run(counterexample![0])).toBe("done");
  },
  120_000,
);

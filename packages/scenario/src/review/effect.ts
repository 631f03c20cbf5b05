import { countPages, toPageSet } from "../format/page-list.js";
import type { LibraryScenario } from "../library/library.js";
import type { RunResult } from "../model.js";

/** What an operation did to a slot, and what it cost the guest afterwards. */
export interface Effect {
  /** Pages of the slot over which MMU notifiers were raised. */
  readonly notified: number;
  /** The kernel functions that raised them. */
  readonly sites: readonly string[];
  /** Pages that stage 2 no longer maps after it. */
  readonly lost: number;
  /** Stage-2 faults of the guest when it then reads and writes all pages. */
  readonly faults: number;
  /** Pages on which an access of the guest then does not complete. */
  readonly failed: number;
}

/** The effect of a built-in scenario's operation in a run of it. */
export function effectOf({ operation }: LibraryScenario, run: RunResult): Effect {
  const during = run.observed.slice(operation.first, operation.end);
  const afterwards = run.observed.slice(operation.end);
  const notifiers = during.flatMap((observed) => observed.notifiers ?? []);
  const faults = afterwards.flatMap((observed) => observed.faults ?? []);
  const exits = afterwards.flatMap((observed) => observed.exits ?? []);
  const mapped = (step: number) => run.steps[step]?.mapped ?? 0;
  return {
    notified: pagesOf(notifiers),
    sites: [...new Set(notifiers.map(({ site }) => site))],
    lost: mapped(operation.first - 1) - mapped(operation.end - 1),
    faults: faults.reduce((sum, { pages }) => sum + countPages(toPageSet(pages)), 0),
    failed: pagesOf(exits),
  };
}

function pagesOf(entries: readonly { readonly pages: Parameters<typeof toPageSet>[0] }[]): number {
  return countPages(toPageSet(entries.flatMap(({ pages }) => pages)));
}

export function sameEffect(a: Effect, b: Effect): boolean {
  return a.notified === b.notified && a.lost === b.lost && a.faults === b.faults && a.failed === b.failed;
}

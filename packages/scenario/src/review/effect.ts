import type { FaultKind, FaultObservation } from "../format/observation.js";
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
  /** Pages that stage 2 still maps, but no longer for writing. */
  readonly writeProtected: number;
  /** Pages whose access flag was asked for and cleared. */
  readonly aged: number;
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
    writeProtected: Math.min(writeProtected(faults).length, mapped(operation.end - 1)),
    aged: pagesOf(notifiers.filter(({ event }) => event === "age")),
    failed: pagesOf(exits),
  };
}

/** What the guest could not write, though stage 2 mapped it: not what it had just mapped itself, by reading. */
function writeProtected(faults: readonly FaultObservation[]): readonly number[] {
  const pagesWith = (wanted: FaultKind) => {
    const set = toPageSet(faults.filter(({ kind }) => kind === wanted).flatMap(({ pages }) => pages));
    return set.flatMap(([first, end]) => Array.from({ length: end - first }, (_, at) => first + at));
  };
  const fresh = new Set(pagesWith("translation"));
  return pagesWith("permission").filter((page) => !fresh.has(page));
}

function pagesOf(entries: readonly { readonly pages: Parameters<typeof toPageSet>[0] }[]): number {
  return countPages(toPageSet(entries.flatMap(({ pages }) => pages)));
}

export function sameEffect(a: Effect, b: Effect): boolean {
  return a.notified === b.notified && a.lost === b.lost && a.faults === b.faults && a.failed === b.failed;
}

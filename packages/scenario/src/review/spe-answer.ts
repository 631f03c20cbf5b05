import type { Patch } from "../patches/define-patch.js";
import { type SpeSimulation, simulateSpe } from "../spe/simulate-spe.js";
import type { ReviewRow } from "./review.js";

/** What NUMA balancing does to the profile of a guest whose memory comes only from guest_memfd. */
export interface SpeAnswer {
  readonly without: SpeSimulation;
  readonly with: SpeSimulation;
  /** With the patch the profiling buffer stays mapped at stage 2, as user space does not ask for anything else. */
  readonly holds: boolean;
  /** In words. */
  readonly text: string;
}

export interface SpeQuestion {
  readonly kernel: string;
  /** Applied to both sides. */
  readonly base: readonly (string | Patch)[];
  readonly patch: Patch;
  readonly seed?: number;
  /** What the library's operations do to stage 2. */
  readonly rows: readonly ReviewRow[];
}

/** Small enough for every review: three scans, over some hundred samples. */
const SESSION = {
  memory: "gmem",
  activity: "numa-balancing",
  operations: 200_000,
  interval: 50_000,
} as const;

/** Does a guest's profiling buffer stay mapped at stage 2 unless user space asks for its memory? */
export function speAnswer({ kernel, base, patch, seed, rows }: SpeQuestion): SpeAnswer {
  const run = (patches: readonly (string | Patch)[]) =>
    simulateSpe({ ...SESSION, kernel, patches, ...(seed === undefined ? {} : { seed }) });
  const without = run(base);
  const patched = run([...base, patch]);
  const unasked = rows.filter(({ gmemOnly, takesMemory }) => gmemOnly && !takesMemory);
  const before: Side = { profile: without, unmapping: unasked.filter((row) => row.without.lost > 0).length };
  const after: Side = { profile: patched, unmapping: unasked.filter((row) => row.with.lost > 0).length };
  return { without, with: patched, holds: holds(after), text: inWords(before, after, unasked.length) };
}

/** A profile, and how many of the library's operations take pages from stage 2 that user space did not ask for. */
interface Side {
  readonly profile: SpeSimulation;
  readonly unmapping: number;
}

function holds({ profile: { faults, mappedPages, bufferPages, stopped }, unmapping }: Side): boolean {
  return stopped === undefined && faults === 0 && mappedPages === bufferPages && unmapping === 0;
}

function inWords(before: Side, after: Side, operations: number): string {
  const { activities, faults, stopped } = after.profile;
  if (stopped !== undefined) return `With the patch the simulation ended early: ${stopped}.`;
  const without = holds(before) ? "it held without the patch" : "it did not hold without the patch";
  const promise =
    "memory that comes only from guest_memfd stays mapped at stage 2 unless user space asks for it";
  const found = holds(after)
    ? `it does: no fault of SPE in ${activities} NUMA balancing activities, and none of ${operations} scenarios unmaps anything`
    : `it does not: ${faults} faults of SPE in ${activities} NUMA balancing activities, and ${after.unmapping} of ${operations} scenarios unmap pages`;
  return `Does the guarantee hold with the patch that ${promise}? In the model ${found}; ${without}.`;
}

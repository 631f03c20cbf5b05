import type { Patch } from "../patches/define-patch.js";
import { type SpeSimulation, simulateSpe } from "../spe/simulate-spe.js";

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
}

/** Small enough for every review: three scans, over some hundred samples. */
const SESSION = { memory: "gmem", activity: "numa-balancing", operations: 200_000, interval: 50_000 } as const;

/** Does a guest's profiling buffer stay mapped at stage 2 unless user space asks for its memory? */
export function speAnswer({ kernel, base, patch, seed }: SpeQuestion): SpeAnswer {
  const run = (patches: readonly (string | Patch)[]) =>
    simulateSpe({ ...SESSION, kernel, patches, ...(seed === undefined ? {} : { seed }) });
  const without = run(base);
  const patched = run([...base, patch]);
  const holds = staysMapped(patched);
  return { without, with: patched, holds, text: inWords(without, patched) };
}

function staysMapped({ faults, mappedPages, bufferPages, stopped }: SpeSimulation): boolean {
  return stopped === undefined && faults === 0 && mappedPages === bufferPages;
}

function inWords(without: SpeSimulation, patched: SpeSimulation): string {
  if (patched.stopped !== undefined) return `With the patch the simulation ended early: ${patched.stopped}.`;
  const before = staysMapped(without) ? "held without it" : "did not hold without it";
  const scans = `${patched.activities} NUMA balancing passes`;
  if (staysMapped(patched)) {
    return `With the patch the guarantee holds, in ${scans}, that the profiling buffer stays mapped at stage 2 unless user space asks for its memory; it ${before}.`;
  }
  return `With the patch the guarantee does not hold that the profiling buffer stays mapped at stage 2 unless user space asks for its memory: ${patched.faults} faults of SPE in ${scans}; it ${before}.`;
}

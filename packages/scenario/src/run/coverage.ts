import type { Exploration as Explored } from "@kvmm/interleave";
import type { Exploring } from "../model.js";

/** Which interleavings of the threads were looked at, in words, with what is not certain about it. */
export function coverageOf(
  { states, traces, exhaustive, boundsHit, collision }: Explored,
  { walks, preemptions }: Exploring,
  seed: number,
): string {
  if (walks !== undefined) return `${counted(traces, "random walk")} from seed ${seed}; not exhaustive`;
  const chance = collision === 0 ? "" : `; chance of a hash collision ${collision.toExponential(0)}`;
  const seen = `${counted(states, "state")}${chance}`;
  if (exhaustive) return `every interleaving of the threads (${seen})`;
  if (boundsHit.length === 0)
    return `interleavings of the threads, up to the first that goes wrong (${seen})`;
  if (boundsHit.every((bound) => bound === "preemptions")) {
    return `every interleaving with at most ${counted(preemptions ?? 0, "preemption")} (${seen}); not exhaustive`;
  }
  return `interleavings of the threads until the bound was reached, ${boundsHit.join(" and ")} (${seen}); not exhaustive`;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

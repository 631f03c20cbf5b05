import type { Exploration, ExploreOptions } from "./exploration.js";

/** The verdict, and what it covers, in a sentence. */
export function sentenceOf(found: Omit<Exploration, "sentence">, options: ExploreOptions): string {
  const { method, verdict, violations, states, traces, collision, boundsHit } = found;
  if (verdict === "violated") {
    const [first, ...others] = violations;
    const more = others.length > 0 ? ` (and ${others.length} more)` : "";
    return `${first!.counterexample.sentence}${more}`;
  }
  const chance = collision === 0 ? "" : `; chance of a hash collision ${collision.toExponential(0)}`;
  if (verdict === "holds") {
    return method === "traces"
      ? `No violation in any of the ${counted(traces, "trace")}.`
      : `No violation in any of the ${counted(states, "state")}${chance}.`;
  }
  const { bounds = {}, seed = 1 } = options;
  if (method === "random")
    return `No violation in ${counted(traces, "random walk")} from seed ${seed}; not exhaustive.`;
  if (boundsHit.includes("preemptions")) {
    return `No violation within ${counted(bounds.preemptions!, "preemption")}; not exhaustive${chance}.`;
  }
  const seen = method === "traces" ? counted(traces, "trace") : counted(states, "state");
  if (boundsHit.length > 0) {
    return `No violation in ${seen}, then the bound was reached (${boundsHit.join(", ")}); not exhaustive${chance}.`;
  }
  return `No violation in ${seen}; not exhaustive: the states between steps were not all checked.`;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}

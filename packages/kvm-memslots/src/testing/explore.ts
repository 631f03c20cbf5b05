import { type Call, type Exploration, explore as exploreAll, type ExploreOptions } from "@kvmm/interleave";
import type { Machine } from "./machine.js";

/** Every interleaving of some threads, each of which makes its calls one after the other. */
export function explore(
  machine: Machine,
  threads: Readonly<Record<string, Call | readonly Call[]>>,
  options: ExploreOptions = {},
): Exploration {
  machine.store.onTrace = null;
  const list = Object.entries(threads).map(([name, calls]) => ({
    name,
    calls: typeof calls === "function" ? [calls] : calls,
  }));
  return exploreAll(machine.store, list, { ...options, minimize: false });
}

/** What a search found, in words; without the frame numbers. */
export function verdict(result: Exploration): string {
  if (!result.exhaustive && result.violations.length === 0)
    return `not covered: gave up after ${result.states} states`;
  const found = result.violations.map((violation) => violation.message.replace(/pfn 0x[0-9a-f]+/, "a page"));
  return found.length === 0 ? "holds" : [...new Set(found)].join("; ");
}

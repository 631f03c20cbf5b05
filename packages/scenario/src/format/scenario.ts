import type { Machine } from "./machine.js";
import type { PageList } from "./page-list.js";
import type { Step } from "./step.js";

/** Pages of a slot, counted from its first. */
export interface SlotPages {
  readonly slot: number;
  readonly pages: PageList;
}

/** What should hold at the end. The built-in properties always hold. */
export type Expectation = { readonly mapped: SlotPages } | { readonly unmapped: SlotPages };

/** A list of calls, and threads of calls of which every interleaving is explored. */
export interface Scenario {
  readonly title?: string;
  readonly machine: Machine;
  readonly patches?: readonly string[];
  readonly steps: readonly Step[];
  readonly concurrently?: Readonly<Record<string, readonly Step[]>>;
  readonly expect?: readonly Expectation[];
}

/** The patches of a scenario, wherever they are written, each once. */
export function patchesOf(scenario: Scenario): readonly string[] {
  return [...new Set([...(scenario.machine.patches ?? []), ...(scenario.patches ?? [])])];
}

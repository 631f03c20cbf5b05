import type { Patch } from "../patches/define-patch.js";
import { patches as builtIn } from "../patches/patches.js";
import {
  type SpeMemory,
  type SpeSimulation,
  type SpeSimulationOptions,
  simulateSpe,
} from "./simulate-spe.js";

export interface SpeSweepOptions extends Omit<SpeSimulationOptions, "memory" | "interval" | "patches"> {
  /** Operations between two activities of the host; default 20000 to 500000. */
  readonly intervals?: readonly number[];
  /** The patches to compare with none, each on its own; default those about guest_memfd-only slots. */
  readonly patches?: readonly (string | Patch)[];
}

/** One kind of memory, without patches or with one, at every interval. */
export interface SpeSweepRow {
  readonly label: string;
  readonly memory: SpeMemory;
  readonly patches: readonly string[];
  readonly runs: readonly SpeSimulation[];
}

const INTERVALS: readonly number[] = [20_000, 50_000, 100_000, 200_000, 500_000];
const KINDS: readonly (readonly [SpeMemory, string])[] = [
  ["anon", "anonymous"],
  ["gmem", "guest_memfd-only"],
];

/** The built-in patches about memslots whose memory comes only from guest_memfd. */
function gmemPatches(): readonly Patch[] {
  return builtIn.filter(({ name }) => name.startsWith("gmem-"));
}

/** The same guest on every kind of memory, without patches and with each, at every interval. @throws NotBuiltIn */
export function sweepSpe(options: SpeSweepOptions = {}): readonly SpeSweepRow[] {
  const { intervals = INTERVALS, patches = gmemPatches(), ...rest } = options;
  const row = (memory: SpeMemory, label: string, applied: readonly (string | Patch)[]): SpeSweepRow => {
    const runs = intervals.map((interval) => simulateSpe({ ...rest, memory, interval, patches: applied }));
    return { label, memory, patches: runs[0]?.patches ?? [], runs };
  };
  return [
    ...KINDS.map(([memory, label]) => row(memory, label, [])),
    ...patches.map((patch) => {
      const name = typeof patch === "string" ? patch : patch.name;
      return row("gmem", `guest_memfd-only, ${name}`, [patch]);
    }),
  ];
}

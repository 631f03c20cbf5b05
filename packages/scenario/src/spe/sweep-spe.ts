import type { Patch } from "../patches/define-patch.js";
import { gmemIgnoreNotifiersRfc } from "../patches/gmem-ignore-notifiers-rfc.js";
import { patches as builtIn } from "../patches/patches.js";
import { SPE_MEMORY_NAMES, type SpeMemory } from "./guest-memory.js";
import type { HostActivity } from "./host-activity.js";
import { policyFits } from "./keep-mapped.js";
import { type SpeSimulation, type SpeSimulationOptions, simulateSpe } from "./simulate-spe.js";
import { type SpePolicy, spePolicies } from "./spe-policy.js";

export interface SpeSweepOptions
  extends Omit<SpeSimulationOptions, "memory" | "interval" | "patches" | "policy"> {
  /** Operations between two activities of the host; default 20000 to 500000. */
  readonly intervals?: readonly number[];
  /** The patches to compare with none, each on its own; default those about guest_memfd-only slots. */
  readonly patches?: readonly (string | Patch)[];
  /** Left out: every policy, on the memory that it is about. */
  readonly policies?: readonly SpePolicy[];
  /** Left out: anonymous memory and guest_memfd, or, for dirty logging, which guest_memfd cannot have, huge pages. */
  readonly memories?: readonly SpeMemory[];
}

/** One kind of memory and policy, without patches or with one, at every interval. */
export interface SpeSweepRow {
  readonly label: string;
  readonly memory: SpeMemory;
  readonly policy: SpePolicy;
  readonly patches: readonly string[];
  readonly runs: readonly SpeSimulation[];
}

const INTERVALS: readonly number[] = [20_000, 50_000, 100_000, 200_000, 500_000];

/** The built-in patches about memslots whose memory comes only from guest_memfd. */
function gmemPatches(): readonly Patch[] {
  return builtIn.filter(({ name }) => name.startsWith("gmem-"));
}

/**
 * The same guest on each kind of memory: as KVM is, under every policy, and on guest_memfd with each patch; at every
 * interval. @throws NotBuiltIn
 */
export function sweepSpe(options: SpeSweepOptions = {}): readonly SpeSweepRow[] {
  const { intervals = INTERVALS, patches = gmemPatches(), policies = spePolicies, ...rest } = options;
  const { activity = "numa-balancing", memories = defaultMemories(activity), ...common } = rest;
  const row = (memory: SpeMemory, policy: SpePolicy, patch: string | Patch | null): SpeSweepRow => {
    const applied = patch === null ? [] : [patch];
    const runs = intervals.map((interval) =>
      simulateSpe({ ...common, activity, memory, policy, interval, patches: applied }),
    );
    const words = [
      SPE_MEMORY_NAMES[memory],
      ...(policy === "none" ? [] : [policy]),
      ...applied.map((each) => (typeof each === "string" ? each : each.name)),
    ];
    return { label: words.join(", "), memory, policy, patches: runs[0]?.patches ?? [], runs };
  };
  return memories.flatMap((memory) =>
    policies
      .filter((policy) => policyFits(policy, memory))
      .flatMap((policy) => {
        if (memory !== "gmem") return [row(memory, policy, null)];
        if (policy === "none") return [null, ...patches].map((patch) => row(memory, policy, patch));
        // Memory that is mapped beforehand stays so only where the notifiers are ignored.
        return [null, gmemIgnoreNotifiersRfc].map((patch) => row(memory, policy, patch));
      }),
  );
}

/** guest_memfd has no dirty log; what that does to blocks shows on huge pages. */
function defaultMemories(activity: HostActivity): readonly SpeMemory[] {
  return activity === "dirty-logging" ? ["anon", "thp"] : ["anon", "gmem"];
}

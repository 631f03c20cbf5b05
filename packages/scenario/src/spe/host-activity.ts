import type { Step } from "../format/step.js";
import { RAM_RANGE } from "../library/memory-kinds.js";
import { callStep } from "../run/call-step.js";
import type { World } from "../run/world.js";

/** What the host does to the guest's memory while the guest is profiled. */
export const hostActivities = ["numa-balancing", "dontneed", "compaction", "none"] as const;
export type HostActivity = (typeof hostActivities)[number];

const STEPS: Readonly<Record<HostActivity, readonly Step[]>> = {
  // task_numa_work(), and the VMM using its mapping in between, as it does for its devices.
  "numa-balancing": [{ call: "numa_balancing", args: { mode: 1, toucher: ["host"], ms: 1000 } }],
  // madvise_dontneed_free() of the user mapping: takes anonymous memory away, and of a file only the mapping.
  dontneed: [{ call: "madvise", args: { ...RAM_RANGE, advice: "MADV_DONTNEED" } }],
  // compact_node() on each node: migrates what is movable.
  compaction: [{ call: "compact_memory", args: {} }],
  none: [],
};

/** The host does it once, now. @throws NotModelled */
export function actOnGuestMemory(world: World, activity: HostActivity): void {
  for (const step of STEPS[activity]) callStep(world, world.vmm, step, (name) => world.names.get(name));
}

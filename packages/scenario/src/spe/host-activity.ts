import { compactRange } from "@kvmm/mm-core";
import type { Step } from "../format/step.js";
import { RAM_RANGE } from "../library/memory-kinds.js";
import { callStep } from "../run/call-step.js";
import type { World } from "../run/world.js";
import { BUFFER_GPA, BUFFER_PAGES, type GuestMemory, type SpeMemory } from "./guest-memory.js";
import type { SpePolicy } from "./spe-policy.js";

/**
 * What the host does to the guest's memory while the guest is profiled:
 *
 * - `numa-balancing`: task_numa_work(), and the VMM using its mapping in between, as it does for its devices.
 * - `ksm`: a scan of ksmd over the memory, which is MADV_MERGEABLE.
 * - `compaction`: it takes the places of the memory's pages, and moves them.
 * - `dontneed`: madvise_dontneed_free() of the user mapping: takes anonymous memory away, of a file only the mapping.
 * - `dirty-logging`: user space turns it on, and the next time off, as around a migration that fails; another vCPU
 *   then writes to memory outside of the buffer, where there is any.
 */
export const hostActivities = [
  "numa-balancing",
  "ksm",
  "compaction",
  "dontneed",
  "dirty-logging",
  "none",
] as const;
export type HostActivity = (typeof hostActivities)[number];

/** Whether the activity can happen at all: policies forbid some, and guest_memfd others. */
export function happens(activity: HostActivity, memory: SpeMemory, policy: SpePolicy): boolean {
  if (activity === "none") return false;
  // Version 4 depends on !NUMA_BALANCING, and denies changes to a locked memslot.
  if (policy === "lock-memslot" && (activity === "numa-balancing" || activity === "dirty-logging"))
    return false;
  // KVM_MEM_LOG_DIRTY_PAGES is refused for a slot with guest_memfd (check_memory_region_flags()).
  return !(memory === "gmem" && activity === "dirty-logging");
}

/** The host does it once, now; `nth` is how often it did before. @throws NotModelled */
export function actOnGuestMemory(
  world: World,
  activity: HostActivity,
  { slotPages, slotArgs }: GuestMemory,
  nth: number,
): void {
  const make = (step: Step) => callStep(world, world.vmm, step, (name) => world.names.get(name));
  switch (activity) {
    case "numa-balancing":
      make({ call: "numa_balancing", args: { mode: 1, toucher: ["host"], ms: 1000 } });
      return;
    case "ksm":
      make({ call: "ksm_run", args: { full_scans: 1 } });
      return;
    case "compaction": {
      const start = Number(world.names.get("ram"));
      compactRange(world.vmm, start, start + slotPages * 4096);
      return;
    }
    case "dontneed":
      make({ call: "madvise", args: { ...RAM_RANGE, length: `${slotPages}p`, advice: "MADV_DONTNEED" } });
      return;
    case "dirty-logging": {
      const isOn = nth % 2 === 0;
      const flags = isOn ? { flags: ["KVM_MEM_LOG_DIRTY_PAGES"] } : {};
      make({ call: "KVM_SET_USER_MEMORY_REGION2", args: { ...slotArgs, ...flags } });
      if (!isOn && slotPages > BUFFER_PAGES)
        make({ call: "vcpu_write", args: { gpa: BUFFER_GPA + BUFFER_PAGES * 4096, length: "1p" } });
      return;
    }
    case "none":
  }
}

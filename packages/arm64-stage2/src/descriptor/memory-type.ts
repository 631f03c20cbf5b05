import type { Machine } from "../machine.js";

/** What the guest's memory is, as far as stage 2 decides. */
export type MemoryType =
  | "device-nGnRnE"
  | "device-nGnRE"
  | "device-nGRE"
  | "device-GRE"
  | "normal"
  | "normal-nc"
  | "as-stage-1"
  | "other";

const DEVICE: readonly MemoryType[] = ["device-nGnRnE", "device-nGnRE", "device-nGRE", "device-GRE"];

/** The memory type that a MemAttr field of 4 bits stands for (Arm ARM, D8.6.6 and, with FWB, D8.6.7). */
export function memoryType(machine: Machine, memAttr: number): MemoryType {
  if (memAttr >= 0 && memAttr < DEVICE.length) return DEVICE[memAttr]!;
  if (memAttr === 5) return "normal-nc";
  if (machine.fwb) {
    if (memAttr === 6) return "normal";
    return memAttr === 7 ? "as-stage-1" : "other";
  }
  // Without FWB all ones leave the attributes of stage 1 as they are, which is what KVM maps memory with.
  return memAttr === 15 ? "normal" : "other";
}

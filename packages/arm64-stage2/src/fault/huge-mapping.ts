import type { Memslot } from "@kvmm/kvm-memslots";
import { type Hva, PAGE_SIZE } from "@kvmm/mm-core";
import type { Arm64Behaviour } from "../behaviour.js";

/**
 * fault_supports_stage2_huge_mapping(): can `size` bytes around an address be one entry? Guest physical and host
 * virtual addresses must be aligned alike, and all of it must lie within the memslot.
 */
export function supportsHugeMapping(
  slot: Memslot,
  hva: Hva,
  size: number,
  behaviour: Arm64Behaviour,
): boolean {
  if (size === PAGE_SIZE || behaviour.hugeMappingFit === "unchecked") return true;
  if ((slot.baseGfn * PAGE_SIZE) % size !== slot.userspaceAddr % size) return false;
  const start = hva - (hva % size);
  return start >= slot.userspaceAddr && start + size <= slot.userspaceEnd;
}

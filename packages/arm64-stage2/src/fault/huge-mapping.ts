import type { Memslot } from "@kvmm/kvm-memslots";
import { type Hva, PAGE_SIZE } from "@kvmm/mm-core";

/**
 * fault_supports_stage2_huge_mapping(): can `size` bytes around an address be one entry? Guest physical and host
 * virtual addresses must be aligned alike, and all of it must lie within the memslot.
 */
export function supportsHugeMapping(slot: Memslot, hva: Hva, size: number): boolean {
  if (size === PAGE_SIZE) return true;
  if ((slot.baseGfn * PAGE_SIZE) % size !== slot.userspaceAddr % size) return false;
  const start = hva - (hva % size);
  return start >= slot.userspaceAddr && start + size <= slot.userspaceEnd;
}

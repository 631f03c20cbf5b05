import { nameFunctions } from "@kvmm/interleave";
import type { OpenFile } from "@kvmm/mm-core";
import { gmemUnbind } from "../guest-memfd/bind.js";
import type { Kvm } from "../kvm.js";
import type { Memslot } from "./memslot.js";

/**
 * kvm_free_memslot(): under slots_lock, or with the last reference to the VM.
 * @param puts takes files for the caller to put once it holds no locks
 */
export function freeMemslot(kvm: Kvm, slot: Memslot, puts: OpenFile[]): void {
  if (slot.hasGmem) gmemUnbind(kvm, slot, puts);
  slot.isFreed.set(true);
}

nameFunctions({
  kvm_free_memslot: freeMemslot,
});

import { nameFunctions } from "@kvmm/interleave";
import type { Hva } from "@kvmm/mm-core";
import { type Gfn, gfnToHvaMemslot, type Memslot } from "../slots/memslot.js";

/** KVM_HVA_ERR_BAD: no usable memslot. KVM_HVA_ERR_RO_BAD: a write to a read-only one. */
export type HvaError = "KVM_HVA_ERR_BAD" | "KVM_HVA_ERR_RO_BAD";

/** __gfn_to_hva_many(): the user address of a gfn, unless the memslot is missing, invalid, or not to be written. */
export function gfnToHva(slot: Memslot | null, gfn: Gfn, write: boolean): Hva | HvaError {
  if (slot === null || slot.isInvalid) return "KVM_HVA_ERR_BAD";
  if (slot.isReadonly && write) return "KVM_HVA_ERR_RO_BAD";
  return gfnToHvaMemslot(slot, gfn);
}

nameFunctions({
  __gfn_to_hva_many: gfnToHva,
});

import { nameFunctions } from "@kvmm/interleave";
import type { Kvm } from "../kvm.js";
import type { Gfn, Memslot } from "../slots/memslot.js";

/** mark_page_dirty_in_slot(). Dirty rings are not modelled: pages are noted in the bitmap only. */
export function markPageDirtyInSlot(slot: Memslot | null, gfn: Gfn): void {
  if (slot?.tracksDirty) slot.dirtyBitmap?.set(gfn - slot.baseGfn);
}

/** mark_page_dirty(), under kvm->srcu */
export function markPageDirty(kvm: Kvm, gfn: Gfn): void {
  markPageDirtyInSlot(kvm.gfnToMemslot(gfn), gfn);
}

nameFunctions({
  mark_page_dirty_in_slot: markPageDirtyInSlot,
  mark_page_dirty: markPageDirty,
});

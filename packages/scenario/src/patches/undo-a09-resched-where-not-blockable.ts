import { definePatch } from "./define-patch.js";

export const undoA09 = definePatch({
  name: "undo-b5331379bc62",
  title: "Undo: KVM: arm64: Only reschedule if MMU_NOTIFIER_RANGE_BLOCKABLE is not set",
  origin: "the commit b5331379bc62 (2020), taken out",
  text: "kvm_unmap_gfn_range() lets go of mmu_lock and reschedules on the way also for a notifier that may not block.",
  change: { arm64: (base) => ({ ...base, unmapResched: "always" }) },
});

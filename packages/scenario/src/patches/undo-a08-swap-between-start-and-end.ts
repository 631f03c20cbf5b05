import { definePatch } from "./define-patch.js";

export const undoA08 = definePatch({
  name: "undo-52ac8b358b0c",
  title: "Undo: KVM: Block memslot updates across range_start() and range_end()",
  origin: "the commit 52ac8b358b0c (2021), taken out",
  text:
    "kvm_swap_active_memslots() publishes memslots while an invalidation is between its start and its end, which then " +
    "count for different memslots: mmu_invalidate_in_progress stays raised, or falls below 0.",
  change: { kvm: (base) => ({ ...base, swapAwaitsInvalidations: false }) },
});

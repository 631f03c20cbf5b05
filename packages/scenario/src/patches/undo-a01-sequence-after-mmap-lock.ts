import { definePatch } from "./define-patch.js";

export const undoA01 = definePatch({
  name: "undo-13ec9308a857",
  title: "Undo: KVM: arm64: Retry fault if vma_lookup() results become invalid",
  origin: "the commit 13ec9308a857 (2023), taken out",
  text:
    "user_mem_abort() samples mmu_invalidate_seq after it has let go of mmap_lock: an invalidation that came and went " +
    "in between is not noticed, and the size of the mapping that is gone is used for the one that has taken its place.",
  change: { arm64: (base) => ({ ...base, sequenceSample: "after-mmap-lock" }) },
});

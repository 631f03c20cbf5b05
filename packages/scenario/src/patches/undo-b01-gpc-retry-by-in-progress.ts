import { definePatch } from "./define-patch.js";

/** Of the three races that the commit mended, the first. */
export const undoB01 = definePatch({
  name: "undo-58cd407ca4c6",
  title: "Undo: KVM: Fix multiple races in gfn=>pfn cache refresh",
  origin: "the first part of the commit 58cd407ca4c6 (2022), taken out",
  text:
    "A refresh of a pfncache goes by mmu_invalidate_in_progress, which rises only after " +
    "gfn_to_pfn_cache_invalidate_start() has passed: in between it makes a cache valid of a page that is about to go.",
  change: { kvm: (base) => ({ ...base, gpcActiveCount: "mmu_invalidate_in_progress" }) },
});

import { gmemOnlySlotsInHvaRange } from "@kvmm/kvm-memslots";
import { definePatch } from "./define-patch.js";

/** Another reading of what later versions of the RFC may do. */
export const gmemSkipUnmapKeepRange = definePatch({
  name: "gmem-skip-unmap-keep-range",
  title: "Count invalidations of guest_memfd-only memslots with their range, but leave their stage 2 alone",
  origin: "own reading of the discussion of the RFC; no posted patch is known to do exactly this",
  text:
    "As gmem-skip-handler, and the range of the invalidation is recorded as well (kvm_mmu_invalidate_range_add), as " +
    "kvm_mmu_invalidate_end() expects; only the unmap is left out.",
  change: { kvm: gmemOnlySlotsInHvaRange("lock-and-range") },
});

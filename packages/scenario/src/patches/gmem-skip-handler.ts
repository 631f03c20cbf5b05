import { gmemOnlySlotsInHvaRange } from "@kvmm/kvm-memslots";
import { definePatch } from "./define-patch.js";

/** A reading of what later versions of the RFC may do. */
export const gmemSkipHandler = definePatch({
  name: "gmem-skip-handler",
  title: "Count invalidations of guest_memfd-only memslots, but leave their stage 2 alone",
  origin: "own reading of the discussion of the RFC; no posted patch is known to do exactly this",
  text:
    "kvm_handle_hva_range() takes mmu_lock and counts the invalidation for a slot whose memory comes only from its " +
    "guest_memfd, so that pfncaches and faults in flight notice it, but does not call the handler: no range is " +
    "recorded and nothing is unmapped.",
  change: { kvm: gmemOnlySlotsInHvaRange("lock") },
});

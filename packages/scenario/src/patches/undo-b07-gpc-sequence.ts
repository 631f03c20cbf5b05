import { definePatch } from "./define-patch.js";

/** What the fix mends, 7.2 still has. */
export const undoB07 = definePatch({
  name: "undo-da260bcb56fe",
  title: "Undo: KVM: pfncache: use a dedicated invalidation sequence for cache refresh",
  origin: "the commit da260bcb56fe (2026), taken out of 7.3",
  text:
    "A refresh of a pfncache goes by mmu_invalidate_seq, which an invalidation moves only where a memslot overlaps it: " +
    "it misses one that came and went at a user address without a memslot.",
  change: { kvm: (base) => ({ ...base, gpcSequence: "mmu_invalidate_seq" }) },
});

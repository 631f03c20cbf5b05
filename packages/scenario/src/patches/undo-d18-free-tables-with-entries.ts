import { definePatch } from "./define-patch.js";

export const undoD18 = definePatch({
  name: "undo-156f70afcfec",
  title: "Undo: KVM: arm64: Only drop references on empty tables in stage2_free_walker",
  origin: "the commit 156f70afcfec (2025), taken out",
  text:
    "When a VM goes, a piece of its stage 2 at a time, a table is freed after the first piece that " +
    "reaches it, whatever entries it still has.",
  change: { arm64: (base) => ({ ...base, freeTableWithEntries: "free" }) },
});

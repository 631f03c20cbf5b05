import { definePatch } from "./define-patch.js";

export const undoD17 = definePatch({
  name: "undo-6794ad5443a2",
  title: "Undo: KVM: arm/arm64: Fix unintended stage 2 PMD mappings",
  origin: "the commit 6794ad5443a2 (2018), and a80868f39855, taken out",
  text:
    "Blocks are mapped also where guest physical and host virtual addresses are not aligned alike, or " +
    "beyond the ends of the memslot: the guest gets pages that are not the ones of its memslot. " +
    "a80868f39855 (Enforce PTE mappings at stage2 when needed) is undone with it.",
  change: { arm64: (base) => ({ ...base, hugeMappingFit: "unchecked" }) },
});

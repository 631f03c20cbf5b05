import { definePatch } from "./define-patch.js";

export const undoD20 = definePatch({
  name: "undo-5994bc9e05c2",
  title: "Undo: KVM: arm64: Limit stage2_apply_range() batch size to largest block",
  origin: "the commit 5994bc9e05c2 (2022), taken out",
  text:
    "stage2_apply_range() lets go of mmu_lock only after an entry of the first level, which can " +
    "translate 512 GiB.",
  change: { arm64: (base) => ({ ...base, applyRangeStep: "first-level-entry" }) },
});

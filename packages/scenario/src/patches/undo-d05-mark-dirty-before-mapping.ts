import { definePatch } from "./define-patch.js";

export const undoD05 = definePatch({
  name: "undo-509552e65ae8",
  title: "Undo: KVM: arm64: Mark the page dirty only if the fault is handled successfully",
  origin: "the commit 509552e65ae8 (2021), taken out",
  text:
    "user_mem_abort() marks the page dirty before it is mapped, and returns the -EAGAIN of a mapping " +
    "that another vCPU has just made: KVM_RUN fails with it, and the page counts as dirty.",
  change: { arm64: (base) => ({ ...base, dirtyMark: "before-mapping" }) },
});

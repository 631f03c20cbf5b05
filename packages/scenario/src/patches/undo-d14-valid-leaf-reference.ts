import { definePatch } from "./define-patch.js";

export const undoD14 = definePatch({
  name: "undo-5c646b7e1d8b",
  title: "Undo: KVM: arm64: Fix memory leak on stage2 update of a valid PTE",
  origin: "the commit 5c646b7e1d8b (2020), taken out",
  text:
    "A valid leaf that gives way to another keeps its reference to the table page, which can then " +
    "never be freed.",
  change: { arm64: (base) => ({ ...base, replacedLeafReference: "keep" }) },
});

import { definePatch } from "./define-patch.js";

export const undoD11 = definePatch({
  name: "undo-3c3736cd32bf",
  title: "Undo: KVM: arm/arm64: Fix handling of stage2 huge mappings",
  origin: "the commit 3c3736cd32bf (2019), taken out",
  text:
    "A block is written over an entry that points to a table, without break-before-make: the pages of " +
    "the table stay in the TLBs, and the table is never freed.",
  change: { arm64: (base) => ({ ...base, blockOverTable: "overwrite" }) },
});

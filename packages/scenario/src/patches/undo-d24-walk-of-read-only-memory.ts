import { definePatch } from "./define-patch.js";

export const undoD24 = definePatch({
  name: "undo-406504c7b040",
  title: "Undo: KVM: arm64: Fix S1PTW handling on RO memslots",
  origin: "the commit 406504c7b040 (2022), taken out",
  text:
    "A fault of the guest's own page-table walk counts as a write, also where it only reads: page " +
    "tables in a read-only memslot cannot be used.",
  change: { arm64: (base) => ({ ...base, walkTranslationFault: "write" }) },
});

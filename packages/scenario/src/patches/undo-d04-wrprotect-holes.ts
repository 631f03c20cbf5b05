import { definePatch } from "./define-patch.js";

export const undoD04 = definePatch({
  name: "undo-ddcadb297ce5",
  title: "Undo: KVM: arm64: Ignore EAGAIN for walks outside of a fault",
  origin: "the commit ddcadb297ce5 (2022), taken out",
  text:
    "kvm_pgtable_stage2_wrprotect() ends at the first entry that is not valid: what follows it in the " +
    "range stays writable, and writes to it are missing in the dirty log.",
  change: { arm64: (base) => ({ ...base, wrprotectAtHole: "end" }) },
});

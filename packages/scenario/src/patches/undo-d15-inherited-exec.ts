import { definePatch } from "./define-patch.js";

export const undoD15 = definePatch({
  name: "undo-b757b47a2fcb",
  title: "Undo: KVM: arm64: Don't inherit exec permission across page-table levels",
  origin: "the commit b757b47a2fcb (2020), taken out",
  text:
    "A block that replaces pages after a write is executable where the page that was written to was; " +
    "the instruction cache is not invalidated for its other pages.",
  change: { arm64: (base) => ({ ...base, execPermission: "inherited" }) },
});

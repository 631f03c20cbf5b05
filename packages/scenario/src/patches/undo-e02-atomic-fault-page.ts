import { definePatch } from "./define-patch.js";

export const undoE02 = definePatch({
  name: "undo-e07fc9e2da91",
  title: "Undo: KVM: arm64: Fix page leak in user_mem_abort() on atomic fault",
  origin: "the commit e07fc9e2da91 (2026), taken out",
  text:
    "user_mem_abort() keeps the page that it has looked up when the access is atomic in a way that " +
    "the memory does not support, and an abort is given to the guest.",
  change: { arm64: (base) => ({ ...base, exclAtomicFault: "leak-page" }) },
});

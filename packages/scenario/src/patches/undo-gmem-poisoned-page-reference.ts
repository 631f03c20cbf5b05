import { definePatch } from "./define-patch.js";

export const undoGmemPoisonedPage = definePatch({
  name: "undo-c31745d2c508",
  title: "Undo: virt: guest_memfd: fix reference leak on hwpoisoned page",
  origin: "the commit c31745d2c508 (2024), taken out",
  text:
    "__kvm_gmem_get_pfn() unlocks a poisoned page and fails, but keeps the reference that it took: each access of " +
    "the guest to the page leaks one.",
  change: { kvm: (base) => ({ ...base, gmemPoisonedPage: "leak" }) },
});

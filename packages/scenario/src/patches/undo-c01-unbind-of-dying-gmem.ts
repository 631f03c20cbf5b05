import { definePatch } from "./define-patch.js";

export const undoC01 = definePatch({
  name: "undo-ae431059e75d",
  title: "Undo: KVM: guest_memfd: Remove bindings on memslot deletion when gmem is dying",
  origin: "the commit ae431059e75d (2025), taken out",
  text:
    "kvm_gmem_unbind() leaves the bindings to kvm_gmem_release() where the guest_memfd is being closed, which may come " +
    "to them only after the memslot was freed.",
  change: { kvm: (base) => ({ ...base, unbindOfDyingGmem: "leave" }) },
});

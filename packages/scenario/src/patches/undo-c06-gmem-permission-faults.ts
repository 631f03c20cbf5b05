import { definePatch } from "./define-patch.js";

export const undoC06 = definePatch({
  name: "undo-9be19df816de",
  title: "Undo: KVM: arm64: Handle permission faults with guest_memfd",
  origin: "the commit 9be19df816de (2026), taken out",
  text: "gmem_abort() maps again on a permission fault, which changes nothing: the guest faults for ever.",
  change: { arm64: (base) => ({ ...base, gmemPermissionFault: "map" }) },
});

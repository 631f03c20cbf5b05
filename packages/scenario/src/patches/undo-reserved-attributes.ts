import { definePatch } from "./define-patch.js";

export const undoReservedAttributes = definePatch({
  name: "undo-277d3623d99a",
  title: "Undo: KVM: Don't treat reserved xarray entries as having memory attributes",
  origin: "the commit 277d3623d99a (2026), taken out",
  text:
    "kvm_range_has_memory_attributes() takes an entry that was only reserved, by a change that then failed, for a " +
    "page with attributes.",
  change: { kvm: (base) => ({ ...base, reservedAttributes: "entry" }) },
});

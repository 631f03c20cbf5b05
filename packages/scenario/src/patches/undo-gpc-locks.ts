import { definePatch } from "./define-patch.js";

export const undoGpcLocks = definePatch({
  name: "undo-52491a38b2c2",
  title: "Undo: KVM: Initialize gfn_to_pfn_cache locks in dedicated helper",
  origin: "the commit 52491a38b2c2 (2022), taken out",
  text:
    "kvm_gpc_activate() initialises the locks of a cache that is inactive, though another task may hold them: it " +
    "is no longer kept out, and releases a lock that is free or somebody else's.",
  change: { kvm: (base) => ({ ...base, gpcActivateLocks: "init" }) },
});

import { definePatch } from "./define-patch.js";

export const undoB04 = definePatch({
  name: "undo-ecbcf030b456",
  title: "Undo: KVM: Reject attempts to consume or refresh inactive gfn_to_pfn_cache",
  origin: "the commit ecbcf030b456 (2022), taken out",
  text:
    "kvm_gpc_refresh() and kvm_gpc_check() do not ask whether the cache is active: one that was deactivated becomes " +
    "valid again, though it is on no list on which an MMU notifier would find it.",
  change: { kvm: (base) => ({ ...base, inactiveGpc: "use" }) },
});

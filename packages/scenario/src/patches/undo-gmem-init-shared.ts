import { definePatch } from "./define-patch.js";

export const undoGmemInitShared = definePatch({
  name: "undo-fe2bf6234e94",
  title: "Undo: KVM: guest_memfd: Add INIT_SHARED flag, reject user page faults if not set",
  origin: "the commit fe2bf6234e94 (2025), taken out",
  text:
    "kvm_gmem_fault_user_mapping() maps any page of a guest_memfd that can be mapped, also where its memory is to " +
    "be the guest's alone.",
  change: { kvm: (base) => ({ ...base, gmemUserFault: "all" }) },
});

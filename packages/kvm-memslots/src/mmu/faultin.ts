import { nameFunctions } from "@kvmm/interleave";
import { folioMarkAccessed, getUserPage, type Hva, hex, PageFlag, type Pfn, type Task } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import type { Gfn, Memslot } from "../slots/memslot.js";
import { gfnToHva } from "./gfn-to-hva.js";

/**
 * Why there is no page: kvm_pfn_t's error values. KVM_PFN_ERR_SIGPENDING: the lookup was interrupted, as it would have
 * waited for ever for a userfaultfd's handler.
 */
export type PfnError =
  | "KVM_PFN_ERR_FAULT"
  | "KVM_PFN_ERR_HWPOISON"
  | "KVM_PFN_ERR_RO_FAULT"
  | "KVM_PFN_ERR_SIGPENDING"
  | "KVM_PFN_NOSLOT";

/** A page of the host for the guest. */
export interface FaultinPage {
  /** With a reference, to be given back with {@link releaseFaultinPage}. */
  readonly pfn: Pfn;
  /** May the guest write to it? Also true for a read fault, if that took nothing. */
  readonly writable: boolean;
}

/** struct kvm_follow_pfn */
export interface FollowPfn {
  readonly hva: Hva;
  /** FOLL_WRITE */
  readonly write: boolean;
  /** Look for a writable mapping also for a read (map_writable)? */
  readonly upgrade: boolean;
}

/**
 * __kvm_faultin_pfn() with kvm_follow_pfn(): the page behind a gfn, through the memslot and the page tables of the
 * process that runs `task`.
 */
export function faultinPfn(
  kvm: Kvm,
  task: Task,
  slot: Memslot | null,
  gfn: Gfn,
  write: boolean,
): FaultinPage | PfnError {
  const fn = "kvm_follow_pfn";
  const hva = gfnToHva(slot, gfn, write);
  if (hva === "KVM_HVA_ERR_RO_BAD") {
    kvm.store.trace(fn, () => `${slot} is read-only`);
    return "KVM_PFN_ERR_RO_FAULT";
  }
  if (hva === "KVM_HVA_ERR_BAD") {
    kvm.store.trace(fn, () => (slot === null ? `no memslot at gfn ${hex(gfn)}` : `${slot} is invalid`));
    return "KVM_PFN_NOSLOT";
  }
  return hvaToPfn(kvm, task, { hva, write, upgrade: !slot!.isReadonly });
}

/**
 * hva_to_pfn(). Mappings of device memory (VM_PFNMAP, VM_IO) are not modelled: nothing in mm-core makes them. Nothing
 * interrupts a lookup but a wait that nobody would end.
 */
export function hvaToPfn(kvm: Kvm, task: Task, { hva, write, upgrade }: FollowPfn): FaultinPage | PfnError {
  if (write || upgrade) {
    // hva_to_pfn_fast(): for reading alone it could miss that copy-on-write is being broken.
    const fast = getUserPage(task, hva, { write: true, fastOnly: true });
    if (typeof fast === "number") return { pfn: fast, writable: true };
  }
  // hva_to_pfn_slow()
  const slow = getUserPage(task, hva, { write, honorNumaFault: true });
  if (typeof slow !== "number") {
    kvm.store.trace("hva_to_pfn_slow", () => `no page at ${hex(hva)}: ${slow}`);
    switch (slow) {
      case "EAGAIN":
      case "EINTR":
        return "KVM_PFN_ERR_SIGPENDING";
      case "EHWPOISON":
        return "KVM_PFN_ERR_HWPOISON";
      default:
        return "KVM_PFN_ERR_FAULT";
    }
  }
  if (!write && upgrade) {
    const writable = getUserPage(task, hva, { write: true, fastOnly: true });
    if (typeof writable === "number") {
      kvm.host.frames.put(slow);
      return { pfn: writable, writable: true };
    }
  }
  return { pfn: slow, writable: write };
}

/**
 * kvm_release_faultin_page(), under mmu_lock unless unused: gives the reference back, and tells mm what the guest may
 * have done to the page.
 */
export function releaseFaultinPage(kvm: Kvm, pfn: Pfn, unused: boolean, dirty: boolean): void {
  const { frames } = kvm.host;
  if (!unused) folioMarkAccessed(kvm.host, pfn, dirty ? PageFlag.dirty : 0);
  frames.put(pfn);
}

nameFunctions({
  __kvm_faultin_pfn: faultinPfn,
  hva_to_pfn: hvaToPfn,
  kvm_release_faultin_page: releaseFaultinPage,
});

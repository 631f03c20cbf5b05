import type { Memslot } from "./slots/memslot.js";

/** Why kvm_handle_hva_range() walks: for the start or the end of an invalidation, or to age or look. */
export type HvaWalk = "invalidate" | "age";

/**
 * What kvm_handle_hva_range() does with a memslot that overlaps its range.
 * - `handle`: takes the lock (at the first such slot), calls on_lock, and then the handler for each.
 * - `ignore`: goes on to the next slot before anything is locked.
 * - `lock`: lock and on_lock as for `handle`, but no handler.
 * - `lock-and-range`: so, and an invalidation adds the slot's part of the range; nothing is unmapped.
 */
export type SlotDecision = "handle" | "ignore" | "lock" | "lock-and-range";

/** The decisions of virt/kvm that differ between kernel versions, or that a patch may change. */
export interface KvmBehaviour {
  /** kvm_handle_hva_range() */
  readonly slotInHvaRange: (slot: Memslot, walk: HvaWalk) => SlotDecision;
  /** mmu_notifier_retry_cache(): the sequence by which a refresh knows of an invalidation that came and went. */
  readonly gpcSequence: "mmu_invalidate_seq" | "gpc_invalidate_seq";
  /** mmu_notifier_retry_cache(): the count by which a refresh knows of an invalidation that goes on. */
  readonly gpcActiveCount: "mn_active_invalidate_count" | "mmu_invalidate_in_progress";
  /** kvm_mmu_notifier_invalidate_range_end(): is gpc_invalidate_seq raised before the count goes down, or after? */
  readonly gpcSequenceRaised: "before-count" | "after-count";
  /**
   * When a new memslot is bound to its guest_memfd: all of it before the memslot is prepared (7.2), or the overlap
   * test and the binding itself after it was (7.3, which also always unbinds under the invalidate lock).
   */
  readonly gmemBinding: "before-prepare" | "after-prepare";
  /** kvm_swap_active_memslots(): does a memslot update wait until no invalidation is between start and end? */
  readonly swapAwaitsInvalidations: boolean;
  /** __kvm_gmem_get_pfn(): is the reference to a poisoned page given back (c31745d2c508), or lost? */
  readonly gmemPoisonedPage: "put" | "leak";
  /** kvm_gmem_fault_user_mapping(): which pages user space gets: those of INIT_SHARED files (fe2bf6234e94), or all. */
  readonly gmemUserFault: "init-shared" | "all";
  /** kvm_range_has_memory_attributes(): is a reserved entry none (277d3623d99a), or one with attributes? */
  readonly reservedAttributes: "none" | "entry";
  /** kvm_vm_set_mem_attributes(): are entries reserved before a change that clears attributes, too? Until 7.2. */
  readonly reserveToClearAttributes: boolean;
  /** kvm_gpc_activate(): are the locks of an inactive cache left alone (52491a38b2c2), or initialised again? */
  readonly gpcActivateLocks: "keep" | "init";
  /** kvm_gpc_refresh() and kvm_gpc_check() of a cache that is not active: refused (ecbcf030b456), or not asked about. */
  readonly inactiveGpc: "refuse" | "use";
  /**
   * kvm_gmem_unbind() where the guest_memfd is being closed: takes the bindings out (ae431059e75d), or leaves them to
   * kvm_gmem_release(), which may come too late.
   */
  readonly unbindOfDyingGmem: "unbind" | "leave";
  /** kvm_vm_ioctl_mte_copy_tags(), while a memslot is logged: refused (e0b7de4fd18c), or copied unnoticed. */
  readonly mteCopyWhileLogging: "refuse" | "copy";
}

/** A change of behaviour: a patch, or the removal of one. */
export type KvmPatch = (behaviour: KvmBehaviour) => KvmBehaviour;

/** Linux 7.2 */
export const kvm72: KvmBehaviour = {
  slotInHvaRange: () => "handle",
  gpcSequence: "mmu_invalidate_seq",
  gpcActiveCount: "mn_active_invalidate_count",
  gpcSequenceRaised: "before-count",
  gmemBinding: "before-prepare",
  swapAwaitsInvalidations: true,
  gmemPoisonedPage: "put",
  gmemUserFault: "init-shared",
  reservedAttributes: "none",
  reserveToClearAttributes: true,
  gpcActivateLocks: "keep",
  inactiveGpc: "refuse",
  unbindOfDyingGmem: "unbind",
  mteCopyWhileLogging: "refuse",
};

/** Linux 7.3 */
export const kvm73: KvmBehaviour = {
  ...kvm72,
  gpcSequence: "gpc_invalidate_seq",
  gmemBinding: "after-prepare",
  reserveToClearAttributes: false,
};

/**
 * The patches that treat memslots whose memory comes only from guest_memfd differently in kvm_handle_hva_range(),
 * the RFC "KVM: Ignore MMU notifiers for guest_memfd-only memslots" among them (`ignore`).
 */
export function gmemOnlySlotsInHvaRange(decision: SlotDecision): KvmPatch {
  return (behaviour) => ({
    ...behaviour,
    slotInHvaRange: (slot, walk) =>
      slot.hasGmem && slot.isGmemOnly ? decision : behaviour.slotInHvaRange(slot, walk),
  });
}

import type { NotifierEvent } from "@kvmm/mm-core";
import type { Gfn, Memslot } from "../slots/memslot.js";

/** struct kvm_gfn_range: the part of a memslot that an architecture's handler works on. */
export interface GfnRange {
  readonly slot: Memslot;
  readonly start: Gfn;
  /** Exclusive. */
  readonly end: Gfn;
  readonly mayBlock: boolean;
  /** Called without mmu_lock (CONFIG_KVM_MMU_LOCKLESS_AGING). */
  readonly lockless: boolean;
  /** Which memory is meant where a gfn can have both. */
  readonly attrFilter: "shared" | "private";
  /** Why an MMU notifier takes the range away; left out where it is none that asks. */
  readonly event?: NotifierEvent;
}

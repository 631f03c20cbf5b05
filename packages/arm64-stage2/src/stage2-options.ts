import type { RwLock, Store } from "@kvmm/interleave";
import type { Ipa, Pa } from "./address.js";
import type { PgtableBehaviour } from "./behaviour.js";
import type { Prot } from "./descriptor/prot.js";
import type { Machine } from "./machine.js";
import type { MmOps } from "./mm-ops.js";
import type { Stage2Tlb } from "./tlb.js";

/** What `Stage2` is made of. */
export interface Stage2Options {
  readonly store: Store;
  readonly machine: Machine;
  /** VTCR_EL2, as made by `getVtcr` or `initIpaRange`. */
  readonly vtcr: bigint;
  /** kvm->mmu_lock. Without it nothing is checked, and under the explorer every access is a scheduling point. */
  readonly lock?: RwLock;
  readonly mm?: MmOps;
  readonly tlb?: Stage2Tlb;
  /** KVM_PGTABLE_S2_IDMAP: only mappings of an address to itself. */
  readonly idmap?: boolean;
  /** KVM_PGTABLE_S2_AS_S1: the memory type is stage 1's. */
  readonly asS1?: boolean;
  /** kvm_pgtable_force_pte_cb_t: must this range be mapped by pages? */
  readonly forcePteCb?: (addr: Ipa, end: Ipa, prot: Prot) => boolean;
  /** Decisions that an undone fix takes otherwise. Default: Linux 7.2. */
  readonly behaviour?: PgtableBehaviour;
  /** Receives each WARN that fires: `function: WARN_ON(condition)`. */
  readonly warn?: (text: string) => void;
  /** Where tables lie in physical memory. */
  readonly tableBase?: Pa;
}

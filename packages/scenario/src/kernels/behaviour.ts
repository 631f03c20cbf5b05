import type { Arm64Behaviour } from "@kvmm/arm64-stage2";
import type { KvmBehaviour } from "@kvmm/kvm-memslots";
import type { MmBehaviour } from "@kvmm/mm-core";

/** All named decision points of the model: what kernel versions differ in, and what a patch may change. */
export interface Behaviour {
  /** mm/ */
  readonly mm: MmBehaviour;
  /** virt/kvm */
  readonly kvm: KvmBehaviour;
  /** arch/arm64/kvm */
  readonly arm64: Arm64Behaviour;
}

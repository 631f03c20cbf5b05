import type { AccessKind, GuestFault, Memslot, Vcpu } from "@kvmm/kvm-memslots";
import type { Hva } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/** struct kvm_s2_fault_desc, with what the syndrome says. */
export interface FaultDesc {
  readonly mmu: Arm64Mmu;
  readonly vcpu: Vcpu;
  /** Page-aligned. */
  readonly ipa: Ipa;
  readonly slot: Memslot;
  readonly hva: Hva;
  readonly access: AccessKind;
  readonly kind: GuestFault["kind"];
  /** At which the walk ended. */
  readonly level: number;
}

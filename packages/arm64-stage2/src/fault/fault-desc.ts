import type { AccessKind, GuestFault, Memslot, Vcpu } from "@kvmm/kvm-memslots";
import type { Hva } from "@kvmm/mm-core";
import type { Ipa } from "../address.js";
import type { Arm64Mmu } from "./arm64-mmu.js";

/** What the fault status code says; the last is an exclusive or atomic access that the memory does not support. */
export type FaultStatus = GuestFault["kind"] | "excl_atomic";

/** What ESR_EL2 says of a stage-2 abort. */
export interface Syndrome {
  readonly access: AccessKind;
  readonly status: FaultStatus;
  /** At which the walk ended. */
  readonly level: number;
  /** ESR_ELx_S1PTW: the access was the hardware's, on its way through the guest's page table; its level there, or null. */
  readonly stage1Walk: number | null;
}

/** struct kvm_s2_fault_desc, with what the syndrome says. */
export interface FaultDesc extends Syndrome {
  readonly mmu: Arm64Mmu;
  readonly vcpu: Vcpu;
  /** Page-aligned. */
  readonly ipa: Ipa;
  readonly slot: Memslot;
  readonly hva: Hva;
  /** kvm_is_write_fault() */
  readonly isWrite: boolean;
}

/**
 * kvm_is_write_fault(): of the guest's own page-table walks only permission faults are writes, or page tables in a
 * read-only memslot could never be read.
 */
export function isWriteFault(mmu: Arm64Mmu, { access, status, stage1Walk }: Syndrome): boolean {
  if (stage1Walk !== null) return status === "permission" || mmu.behaviour.walkTranslationFault === "write";
  return access === "write";
}

import type { Ipa } from "./address.js";
import type { Machine } from "./machine.js";

/** TLBI_TTL_UNKNOWN: the invalidation is for entries of any level. */
export const TLBI_TTL_UNKNOWN = 0x7fffffff;

/** MAX_TLBI_RANGE_PAGES: what one range invalidation can cover. */
export const MAX_TLBI_RANGE_PAGES = 0x200000;

/**
 * Receives the TLB invalidations of one VM, all of its VMID. The explorer repeats paths: what a receiver changes
 * belongs into shared objects.
 */
export interface Stage2Tlb {
  /** __kvm_tlb_flush_vmid_ipa(): one IPA, on all CPUs. */
  flushVmidIpa(ipa: Ipa, level: number): void;
  /** __kvm_tlb_flush_vmid_ipa_nsh(): one IPA, on this CPU. */
  flushVmidIpaNsh(ipa: Ipa, level: number): void;
  /** __kvm_tlb_flush_vmid_range(): consecutive pages, on all CPUs. */
  flushVmidRange(ipa: Ipa, pages: number): void;
  /** __kvm_tlb_flush_vmid(): everything, on all CPUs. */
  flushVmid(): void;
}

/** For tables without a TLB. */
export const NO_TLB: Stage2Tlb = {
  flushVmidIpa() {},
  flushVmidIpaNsh() {},
  flushVmidRange() {},
  flushVmid() {},
};

/** kvm_tlb_flush_vmid_range(): a range as the machine can do it, at worst everything. */
export function tlbFlushVmidRange(machine: Machine, tlb: Stage2Tlb, addr: Ipa, size: number): void {
  if (!machine.tlbRange) {
    tlb.flushVmid();
    return;
  }
  let pages = Math.floor(size / machine.pageSize);
  let from: number = addr;
  while (pages > 0) {
    const count = Math.min(pages, MAX_TLBI_RANGE_PAGES);
    tlb.flushVmidRange(from as Ipa, count);
    from += count * machine.pageSize;
    pages -= count;
  }
}

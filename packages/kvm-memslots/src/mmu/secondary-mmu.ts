import type { OpenFile, Refusal, Result, Task } from "@kvmm/mm-core";
import type { Vcpu } from "../files/vcpu.js";
import type { Gfn, Memslot } from "../slots/memslot.js";
import type { GfnRange } from "./gfn-range.js";
import type { AccessKind, GuestAccess } from "./guest-access.js";

/** enum kvm_mr_change */
export type MemoryRegionChange = "create" | "delete" | "move" | "flags_only";

/** What virt/kvm asks of an architecture's configuration. */
export interface ArchTraits {
  /** kvm_arch_nr_memslot_as_ids() */
  readonly addressSpaces: number;
  /** KVM_INTERNAL_MEM_SLOTS: the highest ids that user space may not use. */
  readonly internalSlots: number;
  /** kvm_arch_has_readonly_mem() */
  readonly readonlyMem: boolean;
  /** HAVE_KVM_PFNCACHE */
  readonly pfnCache: boolean;
  /** KVM_MMU_LOCKLESS_AGING: ageing walks do without mmu_lock. */
  readonly locklessAging: boolean;
  /** KVM_ELIDE_TLB_FLUSH_IF_YOUNG: clear_flush_young flushes nothing. */
  readonly elideTlbFlushIfYoung: boolean;
  /** kvm_arch_supports_gmem_init_shared() */
  readonly gmemInitShared: boolean;
  /** How kvm_arch_vm_ioctl() refuses a request that it does not know. */
  readonly unknownVmIoctl: "EINVAL" | "ENOTTY";
  /** Does the hardware ignore the top byte of a user address, so that it may be a tag? */
  readonly topByteIgnore: boolean;
  /** TASK_SIZE_MAX of a kernel as distributions build it. */
  readonly taskSizeMax: number;
  /** kvm->max_vcpus (KVM_CAP_MAX_VCPUS): a VM has at most so many. */
  readonly maxVcpus: number;
  /** KVM_MAX_VCPU_IDS: ids of vCPUs are below it. */
  readonly maxVcpuIds: number;
  /** Width of a guest physical address. */
  readonly ipaBits: number;
  /** KVM_GENERIC_PRE_FAULT_MEMORY: then it has {@link SecondaryMmu.preFaultMemory}. */
  readonly preFaultMemory: boolean;
  /** KVM_GENERIC_MEMORY_ATTRIBUTES. Left out: no. */
  readonly memoryAttributes?: boolean;
  /** arm64 with FEAT_MTE2 (system_supports_mte()). Left out: no. */
  readonly mte?: boolean;
  /** kvm_arch_has_private_mem(), of this VM. Left out: no. */
  readonly privateMem?: boolean;
  /** What KVM_CHECK_EXTENSION says of the architecture's own memory capabilities; missing: 0. */
  readonly extensions: Readonly<Record<string, number>>;
}

/** What an architecture implements: the second stage of translation, and how a vCPU's accesses go through it. */
export interface SecondaryMmu {
  readonly traits: ArchTraits;

  /** kvm_arch_vcpu_create(): what the architecture keeps per vCPU. Called within store.create. */
  vcpuCreate(vcpu: Vcpu): void;

  /** kvm_unmap_gfn_range(), under mmu_lock. @returns whether the TLBs are to be flushed */
  unmapGfnRange(range: GfnRange): boolean;
  /** kvm_age_gfn(), under mmu_lock unless `range.lockless`. @returns whether any page had been used */
  ageGfn(range: GfnRange): boolean;
  /** kvm_test_age_gfn() */
  testAgeGfn(range: GfnRange): boolean;
  /** kvm_flush_remote_tlbs() */
  flushRemoteTlbs(): void;
  /** kvm_flush_remote_tlbs_range() */
  flushRemoteTlbsRange(gfn: Gfn, npages: number): void;

  /** kvm_arch_flush_shadow_memslot(): takes mmu_lock itself. */
  flushShadowMemslot(slot: Memslot): void;
  /** kvm_arch_flush_shadow_all(): the address space or the VM goes. */
  flushShadowAll(): void;
  /** kvm_arch_guest_memory_reclaimed(), without locks. */
  guestMemoryReclaimed(): void;

  /** kvm_arch_prepare_memory_region(): the architecture's say, under slots_lock and slots_arch_lock. */
  prepareMemoryRegion(
    task: Task,
    old: Memslot | null,
    now: Memslot | null,
    change: MemoryRegionChange,
  ): Refusal | undefined;
  /** kvm_arch_commit_memory_region(), under slots_lock: write-protects where dirty logging begins. */
  commitMemoryRegion(old: Memslot | null, now: Memslot | null, change: MemoryRegionChange): void;
  /**
   * kvm_arch_mmu_enable_log_dirty_pt_masked(), under mmu_lock: writes to these pages are to be seen again.
   * @param pages relative to the memslot's first, within one word of 64 of its bitmap
   */
  enableLogDirty(slot: Memslot, pages: readonly number[]): void;
  /** kvm_arch_sync_dirty_log() */
  syncDirtyLog(slot: Memslot): void;
  /** kvm_arch_pre_set_memory_attributes(), under mmu_lock. @returns whether the TLBs are to be flushed */
  preSetMemoryAttributes?(range: GfnRange, attributes: number): boolean;
  /** kvm_arch_post_set_memory_attributes(), under mmu_lock. */
  postSetMemoryAttributes?(range: GfnRange, attributes: number): boolean;
  /** kvm_vm_ioctl_enable_cap(): the architecture's own capabilities. Left out: it knows none (EINVAL). */
  enableCap?(cap: string, args: readonly bigint[]): Result<0>;

  /**
   * A vCPU makes an access: through the hardware's walk, and its faults, until it is done or KVM_RUN returns. A
   * fault that has to be tried again (-EAGAIN) is simply taken again. Called with vcpu->mutex held.
   * @param value the word that a write writes
   */
  access(vcpu: Vcpu, gpa: number, kind: AccessKind, value: number): GuestAccess;
  /**
   * kvm_arch_vcpu_pre_fault_memory(): maps what a read at `gpa` would map. Under kvm->srcu and vcpu->mutex.
   * @param puts takes files for the caller to put once it holds no locks
   * @returns the bytes from `gpa` on that are mapped now
   */
  preFaultMemory?(vcpu: Vcpu, gpa: number, puts: OpenFile[]): Result<number>;
}

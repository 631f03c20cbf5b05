/** Flags of a memslot that user space gives (struct kvm_userspace_memory_region2). */
export const KVM_MEM_LOG_DIRTY_PAGES = 1 << 0;
export const KVM_MEM_READONLY = 1 << 1;
export const KVM_MEM_GUEST_MEMFD = 1 << 2;
/** Flags that KVM itself adds to a memslot. */
export const KVM_MEMSLOT_INVALID = 1 << 16;
/** Its guest_memfd serves every fault, also those on shared memory: the file can be mapped. */
export const KVM_MEMSLOT_GMEM_ONLY = 1 << 17;

/** Flags of KVM_CREATE_GUEST_MEMFD. */
export const GUEST_MEMFD_FLAG_MMAP = 1n << 0n;
export const GUEST_MEMFD_FLAG_INIT_SHARED = 1n << 1n;

/** The one attribute of KVM_SET_MEMORY_ATTRIBUTES. */
export const KVM_MEMORY_ATTRIBUTE_PRIVATE = 1n << 3n;

/** Types of KVM_CREATE_VM on x86 that the reference has. */
export const KVM_X86_DEFAULT_VM = 0n;
export const KVM_X86_SW_PROTECTED_VM = 1n;

/** KVM_MEM_SLOTS_NUM: ids of memslots are below it. */
export const KVM_MEM_SLOTS_NUM = 0x7fff;
/** A memslot of user space has at most so many pages. */
export const KVM_MEM_MAX_NR_PAGES = 2 ** 31 - 1;

/** KVM_DIRTY_RING_MAX_ENTRIES of struct kvm_dirty_gfn: the largest dirty ring of a vCPU. */
export const KVM_DIRTY_RING_MAX_BYTES = 65_536 * 16;

/** Bits of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. */
export const KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE = 1n << 0n;
export const KVM_DIRTY_LOG_INITIALLY_SET = 1n << 1n;

/** What mmu_invalidate_range_start and gpc->gpa hold where there is nothing (INVALID_GPA). */
export const INVALID_GPA = -1;
/** What gpc->uhva holds where there is nothing (KVM_HVA_ERR_BAD). */
export const KVM_HVA_ERR_BAD = -1;

const NAMES: readonly (readonly [flag: number, name: string])[] = [
  [KVM_MEM_LOG_DIRTY_PAGES, "KVM_MEM_LOG_DIRTY_PAGES"],
  [KVM_MEM_READONLY, "KVM_MEM_READONLY"],
  [KVM_MEM_GUEST_MEMFD, "KVM_MEM_GUEST_MEMFD"],
];

/** For messages: the names of the flags, and the rest as a number. */
export function memFlagNames(flags: number): string {
  const names = NAMES.filter(([flag]) => (flags & flag) !== 0).map(([, name]) => name);
  const rest = NAMES.reduce((left, [flag]) => left & ~flag, flags) >>> 0;
  if (rest !== 0) names.push(`0x${rest.toString(16)}`);
  return names.length === 0 ? "0" : names.join("|");
}

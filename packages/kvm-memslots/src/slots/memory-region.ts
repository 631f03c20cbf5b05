/** A field that user space fills: a number, or any u64. */
export type U64 = number | bigint;

/** struct kvm_userspace_memory_region2, as user space gives it; what is left out is 0. */
export interface UserMemoryRegion {
  readonly slot: U64;
  readonly flags?: U64;
  readonly guestPhysAddr?: U64;
  readonly memorySize?: U64;
  readonly userspaceAddr?: U64;
  /** Only of KVM_SET_USER_MEMORY_REGION2. */
  readonly guestMemfdOffset?: U64;
  /** Only of KVM_SET_USER_MEMORY_REGION2; left out it is descriptor 0. */
  readonly guestMemfd?: U64;
}

/** The region as the kernel has copied it; pad1 and pad2 are never looked at. */
export interface MemoryRegion {
  /** u32: address space and id. */
  readonly slot: number;
  /** u32 */
  readonly flags: number;
  readonly guestPhysAddr: bigint;
  readonly memorySize: bigint;
  readonly userspaceAddr: bigint;
  readonly guestMemfdOffset: bigint;
  /** u32 */
  readonly guestMemfd: number;
}

export function u32(value: U64 | undefined): number {
  return Number(BigInt.asUintN(32, BigInt(value ?? 0)));
}

export function u64(value: U64 | undefined): bigint {
  return BigInt.asUintN(64, BigInt(value ?? 0));
}

/** copy_from_user() of the whole structure. */
export function memoryRegion2(region: UserMemoryRegion): MemoryRegion {
  return {
    ...memoryRegion1(region),
    guestMemfdOffset: u64(region.guestMemfdOffset),
    guestMemfd: u32(region.guestMemfd),
  };
}

/** copy_from_user() of struct kvm_userspace_memory_region; the rest is 0. */
export function memoryRegion1(region: UserMemoryRegion): MemoryRegion {
  return {
    slot: u32(region.slot),
    flags: u32(region.flags),
    guestPhysAddr: u64(region.guestPhysAddr),
    memorySize: u64(region.memorySize),
    userspaceAddr: u64(region.userspaceAddr),
    guestMemfdOffset: 0n,
    guestMemfd: 0,
  };
}

/** `flags` of KVM_SET_USER_MEMORY_REGION and KVM_SET_USER_MEMORY_REGION2: include/uapi/linux/kvm.h. */
export const memslotFlags = {
  KVM_MEM_LOG_DIRTY_PAGES: 1,
  KVM_MEM_READONLY: 2,
  KVM_MEM_GUEST_MEMFD: 4,
} as const;

/** `flags` of KVM_CREATE_GUEST_MEMFD. */
export const guestMemfdFlags = {
  GUEST_MEMFD_FLAG_MMAP: 1,
  GUEST_MEMFD_FLAG_INIT_SHARED: 2,
} as const;

/** `attributes` of KVM_SET_MEMORY_ATTRIBUTES. */
export const memoryAttributes = {
  KVM_MEMORY_ATTRIBUTE_PRIVATE: 8,
} as const;

/** The first argument of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2. */
export const dirtyLogFlags = {
  KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE: 1,
  KVM_DIRTY_LOG_INITIALLY_SET: 2,
} as const;

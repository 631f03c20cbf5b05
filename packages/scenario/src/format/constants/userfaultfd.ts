/** `flags` of userfaultfd: its own, and those of open. */
export const userfaultfdFlags = {
  UFFD_USER_MODE_ONLY: 1,
  O_NONBLOCK: 0x800,
  O_CLOEXEC: 0x80000,
} as const;

/** `features` of UFFDIO_API: include/uapi/linux/userfaultfd.h. */
export const userfaultfdFeatures = {
  UFFD_FEATURE_PAGEFAULT_FLAG_WP: 1,
  UFFD_FEATURE_EVENT_FORK: 2,
  UFFD_FEATURE_EVENT_REMAP: 4,
  UFFD_FEATURE_EVENT_REMOVE: 8,
  UFFD_FEATURE_MISSING_HUGETLBFS: 0x10,
  UFFD_FEATURE_MISSING_SHMEM: 0x20,
  UFFD_FEATURE_EVENT_UNMAP: 0x40,
  UFFD_FEATURE_SIGBUS: 0x80,
  UFFD_FEATURE_THREAD_ID: 0x100,
  UFFD_FEATURE_MINOR_HUGETLBFS: 0x200,
  UFFD_FEATURE_MINOR_SHMEM: 0x400,
  UFFD_FEATURE_EXACT_ADDRESS: 0x800,
  UFFD_FEATURE_WP_HUGETLBFS_SHMEM: 0x1000,
  UFFD_FEATURE_WP_UNPOPULATED: 0x2000,
  UFFD_FEATURE_POISON: 0x4000,
  UFFD_FEATURE_WP_ASYNC: 0x8000,
  UFFD_FEATURE_MOVE: 0x10000,
} as const;

/** `mode` of UFFDIO_REGISTER. */
export const registerModes = {
  UFFDIO_REGISTER_MODE_MISSING: 1,
  UFFDIO_REGISTER_MODE_WP: 2,
  UFFDIO_REGISTER_MODE_MINOR: 4,
} as const;

/** `mode` of UFFDIO_WRITEPROTECT. */
export const writeProtectModes = {
  UFFDIO_WRITEPROTECT_MODE_WP: 1,
  UFFDIO_WRITEPROTECT_MODE_DONTWAKE: 2,
} as const;

/** `mode` of UFFDIO_COPY. */
export const copyModes = { UFFDIO_COPY_MODE_DONTWAKE: 1, UFFDIO_COPY_MODE_WP: 2 } as const;

/** `mode` of UFFDIO_ZEROPAGE. */
export const zeropageModes = { UFFDIO_ZEROPAGE_MODE_DONTWAKE: 1 } as const;

/** `mode` of UFFDIO_CONTINUE. */
export const continueModes = { UFFDIO_CONTINUE_MODE_DONTWAKE: 1, UFFDIO_CONTINUE_MODE_WP: 2 } as const;

/** `mode` of UFFDIO_POISON. */
export const poisonModes = { UFFDIO_POISON_MODE_DONTWAKE: 1 } as const;

/** `mode` of UFFDIO_MOVE. */
export const moveModes = { UFFDIO_MOVE_MODE_DONTWAKE: 1, UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES: 2 } as const;

/** `flags` of mmap: include/uapi/asm-generic/mman-common.h, mman.h and linux/mman.h. */
export const mmapFlags = {
  MAP_FILE: 0,
  MAP_SHARED: 1,
  MAP_PRIVATE: 2,
  MAP_SHARED_VALIDATE: 3,
  MAP_DROPPABLE: 8,
  MAP_FIXED: 0x10,
  MAP_ANONYMOUS: 0x20,
  MAP_GROWSDOWN: 0x100,
  MAP_DENYWRITE: 0x800,
  MAP_EXECUTABLE: 0x1000,
  MAP_LOCKED: 0x2000,
  MAP_NORESERVE: 0x4000,
  MAP_POPULATE: 0x8000,
  MAP_NONBLOCK: 0x10000,
  MAP_STACK: 0x20000,
  MAP_HUGETLB: 0x40000,
  MAP_SYNC: 0x80000,
  MAP_FIXED_NOREPLACE: 0x100000,
  MAP_HUGE_16KB: 0x38000000,
  MAP_HUGE_64KB: 0x40000000,
  MAP_HUGE_512KB: 0x4c000000,
  MAP_HUGE_1MB: 0x50000000,
  MAP_HUGE_2MB: 0x54000000,
  MAP_HUGE_8MB: 0x5c000000,
  MAP_HUGE_16MB: 0x60000000,
  MAP_HUGE_32MB: 0x64000000,
  MAP_HUGE_256MB: 0x70000000,
  MAP_HUGE_512MB: 0x74000000,
  MAP_HUGE_1GB: 0x78000000,
  MAP_HUGE_2GB: 0x7c000000,
  MAP_HUGE_16GB: 0x88000000,
} as const;

/** `flags` of mremap: include/uapi/linux/mman.h. */
export const mremapFlags = {
  MREMAP_MAYMOVE: 1,
  MREMAP_FIXED: 2,
  MREMAP_DONTUNMAP: 4,
} as const;

/** `advice` of madvise: include/uapi/asm-generic/mman-common.h. */
export const advices = {
  MADV_NORMAL: 0,
  MADV_RANDOM: 1,
  MADV_SEQUENTIAL: 2,
  MADV_WILLNEED: 3,
  MADV_DONTNEED: 4,
  MADV_FREE: 8,
  MADV_REMOVE: 9,
  MADV_DONTFORK: 10,
  MADV_DOFORK: 11,
  MADV_MERGEABLE: 12,
  MADV_UNMERGEABLE: 13,
  MADV_HUGEPAGE: 14,
  MADV_NOHUGEPAGE: 15,
  MADV_DONTDUMP: 16,
  MADV_DODUMP: 17,
  MADV_WIPEONFORK: 18,
  MADV_KEEPONFORK: 19,
  MADV_COLD: 20,
  MADV_PAGEOUT: 21,
  MADV_POPULATE_READ: 22,
  MADV_POPULATE_WRITE: 23,
  MADV_DONTNEED_LOCKED: 24,
  MADV_COLLAPSE: 25,
  MADV_HWPOISON: 100,
  MADV_SOFT_OFFLINE: 101,
  MADV_GUARD_INSTALL: 102,
  MADV_GUARD_REMOVE: 103,
} as const;

/** `flags` of mlock2. */
export const mlock2Flags = {
  MLOCK_ONFAULT: 1,
} as const;

/** `flags` of mlockall. */
export const mlockallFlags = {
  MCL_CURRENT: 1,
  MCL_FUTURE: 2,
  MCL_ONFAULT: 4,
} as const;

/** `flags` of msync. */
export const msyncFlags = {
  MS_ASYNC: 1,
  MS_INVALIDATE: 2,
  MS_SYNC: 4,
} as const;

/** `prot` by its letters: PROT_READ, PROT_WRITE, PROT_EXEC. */
export const protections = { r: 1, w: 2, x: 4 } as const;

/** `flags` of PIN_LONGTERM_TEST_START: mm/gup_test.h. */
export const pinLongtermFlags = {
  PIN_LONGTERM_TEST_FLAG_USE_WRITE: 1,
  PIN_LONGTERM_TEST_FLAG_USE_FAST: 2,
} as const;

/** `flags` of open and userfaultfd, and `arg` of F_SETFL: fcntl.h as arm64 has it. */
export const openFlags = {
  O_RDONLY: 0,
  O_WRONLY: 1,
  O_RDWR: 2,
  O_CREAT: 0x40,
  O_EXCL: 0x80,
  O_NOCTTY: 0x100,
  O_TRUNC: 0x200,
  O_APPEND: 0x400,
  O_NONBLOCK: 0x800,
  O_DSYNC: 0x1000,
  O_DIRECTORY: 0x4000,
  O_NOFOLLOW: 0x8000,
  O_DIRECT: 0x10000,
  O_LARGEFILE: 0x20000,
  O_NOATIME: 0x40000,
  O_CLOEXEC: 0x80000,
  O_SYNC: 0x101000,
  O_PATH: 0x200000,
  O_TMPFILE: 0x404000,
} as const;

/** `cmd` of fcntl. */
export const fcntlCommands = {
  F_DUPFD: 0,
  F_GETFD: 1,
  F_SETFD: 2,
  F_GETFL: 3,
  F_SETFL: 4,
  F_DUPFD_CLOEXEC: 0x406,
  F_ADD_SEALS: 0x409,
  F_GET_SEALS: 0x40a,
} as const;

/** `arg` of F_ADD_SEALS. */
export const seals = {
  F_SEAL_SEAL: 1,
  F_SEAL_SHRINK: 2,
  F_SEAL_GROW: 4,
  F_SEAL_WRITE: 8,
  F_SEAL_FUTURE_WRITE: 0x10,
  F_SEAL_EXEC: 0x20,
} as const;

/** `arg` of F_SETFD. */
export const descriptorFlags = {
  FD_CLOEXEC: 1,
} as const;

/** `operation` of flock. */
export const lockOperations = {
  LOCK_SH: 1,
  LOCK_EX: 2,
  LOCK_NB: 4,
  LOCK_UN: 8,
} as const;

/** `whence` of lseek. */
export const whences = {
  SEEK_SET: 0,
  SEEK_CUR: 1,
  SEEK_END: 2,
  SEEK_DATA: 3,
  SEEK_HOLE: 4,
} as const;

/** `advice` of posix_fadvise: include/uapi/linux/fadvise.h. */
export const fileAdvices = {
  POSIX_FADV_NORMAL: 0,
  POSIX_FADV_RANDOM: 1,
  POSIX_FADV_SEQUENTIAL: 2,
  POSIX_FADV_WILLNEED: 3,
  POSIX_FADV_DONTNEED: 4,
  POSIX_FADV_NOREUSE: 5,
} as const;

/** The errno values that the modelled paths return, with their numbers on Linux. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  ERANGE: 34,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
  EOVERFLOW: 75,
  EHWPOISON: 133,
} as const;

export type Errno = keyof typeof ERRNO;

/** A call that the kernel refuses: which function, why, and what it would have taken. */
export class Refusal {
  constructor(
    readonly errno: Errno,
    /** The kernel function that refused. */
    readonly fn: string,
    /** The condition in words, with the offending values. */
    readonly reason: string,
    /** What would be accepted, where that can be said. */
    readonly accepted?: string,
  ) {}

  toString(): string {
    return `${this.errno}: ${this.fn}: ${this.reason}${this.accepted === undefined ? "" : ` (accepted: ${this.accepted})`}`;
  }
}

/** What a modelled call returns: its value, or why it was refused. */
export type Result<T> = T | Refusal;

export function refuse(errno: Errno, fn: string, reason: string, accepted?: string): Refusal {
  return new Refusal(errno, fn, reason, accepted);
}

export function isRefusal(result: unknown): result is Refusal {
  return result instanceof Refusal;
}

/** For messages: an address or a size in hexadecimal. */
export function hex(value: number | bigint): string {
  return value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

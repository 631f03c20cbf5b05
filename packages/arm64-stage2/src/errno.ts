/** The errno values that the page-table code returns, negated, as the kernel does (include/uapi/asm-generic/errno-base.h). */
export const EPERM = 1;
export const E2BIG = 7;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EINVAL = 22;
export const ERANGE = 34;

const NAMES: Readonly<Record<number, string>> = {
  [EPERM]: "EPERM",
  [E2BIG]: "E2BIG",
  [EAGAIN]: "EAGAIN",
  [ENOMEM]: "ENOMEM",
  [EINVAL]: "EINVAL",
  [ERANGE]: "ERANGE",
};

/** `0`, or `-EAGAIN` and the like. */
export function errnoName(ret: number): string {
  if (ret >= 0) return String(ret);
  const name = NAMES[-ret];
  return name === undefined ? String(ret) : `-${name}`;
}

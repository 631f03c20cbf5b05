import type { Errno } from "@kvmm/mm-core";

/** The errno values that the page-table code and the fault handling return, negated (include/uapi/asm-generic). */
export const E2BIG = 7;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EINVAL = 22;
export const ERANGE = 34;

const NAMES: Readonly<Record<number, Errno>> = {
  [E2BIG]: "E2BIG",
  [EAGAIN]: "EAGAIN",
  [ENOMEM]: "ENOMEM",
  [EFAULT]: "EFAULT",
  [EINVAL]: "EINVAL",
  [ERANGE]: "ERANGE",
};

/** `0`, or `-EAGAIN` and the like. */
export function errnoName(ret: number): string {
  if (ret >= 0) return String(ret);
  const name = NAMES[-ret];
  return name === undefined ? String(ret) : `-${name}`;
}

/** The name of a negative errno, as KVM_RUN fails with it. */
export function errnoOf(ret: number): Errno {
  const name = NAMES[-ret];
  if (name === undefined) throw new RangeError(`${ret} is no errno of the page-table code`);
  return name;
}

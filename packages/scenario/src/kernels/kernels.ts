import { arm64v72, arm64v73 } from "@kvmm/arm64-stage2";
import { kvm72, kvm73 } from "@kvmm/kvm-memslots";
import { mm72, mm73 } from "@kvmm/mm-core";
import type { Behaviour } from "./behaviour.js";

/** A kernel version that the model knows. */
export interface Kernel {
  /** `"7.2"` */
  readonly name: string;
  /** Where its behaviour was read. */
  readonly source: string;
  /** Where it is put together of several versions: of which. Part of every verdict on it. */
  readonly madeOf?: string;
  readonly behaviour: Behaviour;
}

/** The built-in kernels, oldest first. */
export const kernels: readonly Kernel[] = [
  {
    name: "7.2",
    source: "Linux 7.2.13 (Debian linux-source-7.2), recorded on arm64",
    behaviour: { mm: mm72, kvm: kvm72, arm64: arm64v72 },
  },
  {
    name: "7.3",
    source:
      "virt/kvm of Linux 7.3.4 (Debian linux-source-7.3) over mm of 7.2, but for try_to_unmap_poisoned_hugetlb_one: gpc_invalidate_seq, " +
      "guest_memfd bound after the memslot is prepared and unbound under the invalidate lock, no entries reserved to " +
      "clear memory attributes; and arch/arm64/kvm of 7.2 but for the memcache that every fault on logged memory tops " +
      "up (56fd1fc526e6); not recorded",
    madeOf: "7.3's KVM over 7.2's mm",
    behaviour: { mm: mm73, kvm: kvm73, arm64: arm64v73 },
  },
];

/**
 * The kernel of a name: a version such as `7.2`, a stable release of it such as `7.2.13`, or a recorded kernel's own
 * name such as `7.2.13+deb14-arm64`.
 */
export function kernelOf(name: string): Kernel | undefined {
  return kernels.find((kernel) => name === kernel.name || isReleaseOf(name, kernel.name));
}

function isReleaseOf(name: string, version: string): boolean {
  return name.startsWith(`${version}.`) && /^\d+([-+][\w.+-]*)?$/.test(name.slice(version.length + 1));
}

/** The newest kernel that the model has as a whole: what a scenario runs on that names none. */
export function newestKernel(): Kernel {
  return kernels.findLast(({ madeOf }) => madeOf === undefined)!;
}

/** A kernel in a sentence: `Linux 7.3 (7.3's KVM over 7.2's mm)`. */
export function kernelInWords(name: string): string {
  const madeOf = kernelOf(name)?.madeOf;
  return madeOf === undefined ? `Linux ${name}` : `Linux ${name} (${madeOf})`;
}

import { arm64v72 } from "@kvmm/arm64-stage2";
import { kvm72 } from "@kvmm/kvm-memslots";
import { mm72 } from "@kvmm/mm-core";
import type { Behaviour } from "./behaviour.js";

/** A kernel version that the model knows. */
export interface Kernel {
  /** `"7.2"` */
  readonly name: string;
  /** Where its behaviour was read. */
  readonly source: string;
  readonly behaviour: Behaviour;
}

/** The built-in kernels, oldest first. */
export const kernels: readonly Kernel[] = [
  {
    name: "7.2",
    source: "Linux 7.2.13 (Debian linux-source-7.2), recorded on arm64",
    behaviour: { mm: mm72, kvm: kvm72, arm64: arm64v72 },
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

/** The newest kernel: what a scenario runs on that names none. */
export function newestKernel(): Kernel {
  return kernels[kernels.length - 1]!;
}

/** Where a scenario runs. What is left out has its default: the newest kernel, arm64, two nodes, 4 KiB pages. */
export interface Machine {
  /** A version such as `"7.2"`, or a recorded kernel's own name such as `"7.2.13+deb14-arm64"`. */
  readonly kernel?: string;
  /** The kernel's configuration; `lab` is the small one of FORMAT.md. Left out: Debian's. */
  readonly config?: string;
  readonly arch?: Architecture;
  readonly nodes?: number;
  readonly page_size?: (typeof pageSizes)[number];
  readonly patches?: readonly string[];
  /** The KVM_CREATE_VM type of `vm`: its IPA bits, or 0. */
  readonly vm_type?: number;
}

export const architectures = ["arm64", "x86"] as const;
export type Architecture = (typeof architectures)[number];
export const pageSizes = [4096, 16384, 65536] as const;

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
  /** Features of the CPU; what is left out is as on the recorded machine. */
  readonly cpu?: CpuFeatures;
  /** KVM_CAP_ARM_EAGER_SPLIT_CHUNK_SIZE, enabled on `vm` before its first memslot. Left out: not enabled. */
  readonly eager_split_chunk_size?: number;
}

/** Features of an arm64 CPU on which stage 2 depends. */
export interface CpuFeatures {
  /** The host kernel runs at EL2. Nothing that is observed depends on it: only who invalidates TLBs differs. */
  readonly vhe?: boolean;
  /** FEAT_HAFDBS: the hardware sets the access flag. KVM does not use its dirty state at stage 2. */
  readonly hafdbs?: boolean;
  /** FEAT_S2FWB: stage 2 can force write-back caching. */
  readonly fwb?: boolean;
  /** CTR_EL0.DIC: instruction caches are coherent; memory is mapped executable at once. */
  readonly dic?: boolean;
  /** FEAT_TLBIRANGE */
  readonly tlb_range?: boolean;
  /** FEAT_XNX */
  readonly xnx?: boolean;
  /** FEAT_LPA2: 52-bit addresses. */
  readonly lpa2?: boolean;
}

export const architectures = ["arm64", "x86"] as const;
export type Architecture = (typeof architectures)[number];
export const pageSizes = [4096, 16384, 65536] as const;

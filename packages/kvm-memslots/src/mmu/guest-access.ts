import type { Errno } from "@kvmm/mm-core";

/** What a guest does to a guest physical address. */
export type AccessKind = "read" | "write" | "exec";

/** A fault of the secondary MMU, as the hardware reports it. */
export interface GuestFault {
  readonly access: AccessKind;
  readonly kind: "translation" | "permission" | "access_flag";
}

/** Why KVM_RUN returned before the access was done. */
export interface GuestExit {
  /** KVM_EXIT_*; left out where none was set. */
  readonly reason?: "KVM_EXIT_MMIO" | "KVM_EXIT_MEMORY_FAULT" | "KVM_EXIT_INTR" | "KVM_EXIT_ARM_SEA";
  /** What KVM_RUN failed with. */
  readonly errno?: Errno;
  /** Signal that the vCPU's thread got, and its si_code. */
  readonly signal?: string;
  readonly code?: string;
  /** si_addr_lsb of a memory error: log2 of the size of what is lost. */
  readonly addrLsb?: number;
  /** Alone, KVM_RUN would wait for ever for a userfaultfd's handler. */
  readonly waits?: "userfaultfd";
  /** ESR_EL1 of an exception that the guest took instead; KVM_RUN did not return. */
  readonly exception?: number;
}

/** How one guest access went: with the faults that it took, until it was done or KVM_RUN returned. */
export interface GuestAccess {
  readonly faults: readonly GuestFault[];
  /** The word read; for a write, the word written. */
  readonly value?: number;
  readonly exit?: GuestExit;
}

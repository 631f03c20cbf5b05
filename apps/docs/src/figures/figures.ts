import type { Step } from "@kvmm/scenario";

/** A figure that runs: a scenario, what of it is shown, and the patch that can be toggled. */
export interface Figure {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly show: readonly ("vmas" | "memslots" | "files" | "stage2" | "spe" | "changes")[];
  readonly patch?: string;
  /** The property that does not hold without the patch; default: all hold. */
  readonly breaks?: string;
  /** The step after which it opens; default: the last. */
  readonly opensAt?: number;
}

const RAM = "0x200000000000";
const GPA = "0x80000000";
const SIZE = "8p";

const anonymous: Step = {
  call: "mmap",
  args: { addr: RAM, length: SIZE, prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] },
  as: "ram",
};
const slot: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: 0, guest_phys_addr: GPA, memory_size: SIZE, userspace_addr: "ram" },
};
const createGmem: Step = {
  call: "KVM_CREATE_GUEST_MEMFD",
  args: { size: SIZE, flags: ["GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"] },
  as: "gmem",
};
const mapGmem: Step = {
  call: "mmap",
  args: { addr: RAM, length: SIZE, prot: "rw", flags: ["MAP_SHARED", "MAP_FIXED"], fd: "gmem" },
  as: "ram",
};
const gmemSlot: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: {
    slot: 0,
    flags: ["KVM_MEM_GUEST_MEMFD"],
    guest_phys_addr: GPA,
    memory_size: SIZE,
    userspace_addr: "ram",
    guest_memfd: "gmem",
  },
};
const hostWrites = (length: string): Step => ({ call: "host_write", args: { addr: "ram", length } });
const guestWrites = (length: string): Step => ({ call: "vcpu_write", args: { gpa: GPA, length } });
const guestReads: Step = { call: "vcpu_read", args: { gpa: GPA, length: SIZE } };

const RFC = "gmem-ignore-notifiers-rfc";

/** The figures of "How guest memory stays mapped", by name. */
export const figures = {
  host: {
    title: "The VMM touches memory",
    steps: [
      anonymous,
      hostWrites("3p"),
      { call: "madvise", args: { addr: "ram", length: "1p", advice: "MADV_DONTNEED" } },
    ],
    show: ["vmas", "changes"],
  },
  fault: {
    title: "A guest's access faults once",
    steps: [anonymous, slot, guestWrites("4p"), guestReads, guestReads],
    show: ["stage2"],
  },
  notifier: {
    title: "munmap takes memory from the guest",
    steps: [
      anonymous,
      slot,
      guestWrites(SIZE),
      { call: "munmap", args: { addr: "ram+2p", length: "3p" } },
      guestReads,
    ],
    show: ["vmas", "changes"],
    opensAt: 4,
  },
  memslots: {
    title: "A memslot is deleted",
    steps: [
      anonymous,
      slot,
      guestWrites(SIZE),
      {
        call: "KVM_SET_USER_MEMORY_REGION2",
        args: { slot: 0, guest_phys_addr: GPA, memory_size: 0, userspace_addr: "ram" },
      },
      guestReads,
    ],
    show: ["memslots"],
    opensAt: 2,
  },
  gmem: {
    title: "munmap of a guest_memfd's mapping",
    steps: [
      createGmem,
      mapGmem,
      gmemSlot,
      hostWrites(SIZE),
      guestWrites(SIZE),
      { call: "munmap", args: { addr: "ram", length: SIZE } },
      guestReads,
    ],
    show: ["files"],
    patch: RFC,
    opensAt: 6,
  },
  dontneed: {
    title: "MADV_DONTNEED on the mapping of a gmem-only slot",
    steps: [
      createGmem,
      mapGmem,
      gmemSlot,
      hostWrites(SIZE),
      guestWrites(SIZE),
      { call: "madvise", args: { addr: "ram", length: SIZE, advice: "MADV_DONTNEED" } },
      guestReads,
    ],
    show: ["files"],
    patch: RFC,
    opensAt: 6,
  },
  numa: {
    title: "NUMA balancing scans the VMM",
    steps: [
      createGmem,
      mapGmem,
      gmemSlot,
      hostWrites(SIZE),
      guestWrites(SIZE),
      { call: "numa_balancing", args: { mode: 1, toucher: ["host"], ms: 3000 } },
      guestReads,
    ],
    show: ["files"],
    patch: RFC,
    opensAt: 6,
  },
  punch: {
    title: "A hole is punched",
    steps: [
      createGmem,
      mapGmem,
      gmemSlot,
      guestWrites(SIZE),
      {
        call: "fallocate",
        args: {
          fd: "gmem",
          mode: ["FALLOC_FL_KEEP_SIZE", "FALLOC_FL_PUNCH_HOLE"],
          offset: "2p",
          length: "3p",
        },
      },
      guestReads,
    ],
    show: ["files"],
    patch: RFC,
    opensAt: 5,
  },
  spe: {
    title: "NUMA balancing meets the buffer of a profiled guest",
    steps: [
      createGmem,
      mapGmem,
      gmemSlot,
      hostWrites(SIZE),
      { call: "spe_enable", args: { gpa: GPA, length: SIZE, recovery: "touch" } },
      { call: "spe_run", args: { operations: 100_000 } },
      { call: "numa_balancing", args: { mode: 1, toucher: ["host"], ms: 3000 } },
      { call: "spe_run", args: { operations: 100_000 } },
    ],
    show: ["spe"],
    patch: RFC,
    breaks: "the profiling buffer stays mapped",
    opensAt: 7,
  },
} as const satisfies Record<string, Figure>;

export type FigureName = keyof typeof figures;

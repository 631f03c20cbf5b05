import type { Step } from "../format/step.js";

/** Where the memory of a slot comes from, as recordings name it (FORMAT.md). */
export interface MemoryKind {
  /** The part of a recording's id behind the `@`. */
  readonly name: string;
  /** For the head of a column. */
  readonly label: string;
  /** Does the guest's memory come only from a guest_memfd, whatever user space maps at the slot's address? */
  readonly gmemOnly: boolean;
  /** Steps that make the memory and the slot, and touch it, in the recordings' own way. */
  readonly setUp: readonly Step[];
  /** The file behind the memory, where one is at hand for calls on it. */
  readonly file?: "file" | "gmem";
}

/** Pages of the slot. */
export const PAGES = 16;
const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;
const SIZE = `${PAGES}p`;

/** Guest physical range of the slot, for the guest's accesses. */
export const GUEST_RANGE = { gpa: hex(GPA), length: SIZE };
/** The same range as user space maps it. */
export const RAM_RANGE = { addr: "ram", length: SIZE };

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

const mapAnonymous: readonly Step[] = [
  {
    call: "mmap",
    args: {
      addr: hex(RAM),
      length: SIZE,
      prot: "rw",
      flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED_NOREPLACE"],
    },
    as: "ram",
  },
  { call: "madvise", args: { ...RAM_RANGE, advice: "MADV_NOHUGEPAGE" } },
];

function mapShared(file: string): Step {
  const flags = ["MAP_SHARED", "MAP_FIXED_NOREPLACE"];
  return { call: "mmap", args: { addr: hex(RAM), length: SIZE, prot: "rw", flags, fd: file }, as: "ram" };
}

const createGmem: Step = {
  call: "KVM_CREATE_GUEST_MEMFD",
  args: { size: SIZE, flags: ["GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"] },
  as: "gmem",
};

const slotOfRam: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: 0, guest_phys_addr: GUEST_RANGE.gpa, memory_size: SIZE, userspace_addr: "ram" },
};

const slotOfGmem: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: {
    slot: 0,
    flags: ["KVM_MEM_GUEST_MEMFD"],
    guest_phys_addr: GUEST_RANGE.gpa,
    memory_size: SIZE,
    userspace_addr: "ram",
    guest_memfd: "gmem",
  },
};

const hostTouch: Step = { call: "host_write", args: RAM_RANGE };
const guestTouch: Step = { call: "vcpu_write", args: GUEST_RANGE };

export const memoryKinds: readonly MemoryKind[] = [
  {
    name: "anon",
    label: "anonymous",
    gmemOnly: false,
    setUp: [...mapAnonymous, slotOfRam, guestTouch],
  },
  {
    name: "memfd-shared",
    label: "memfd",
    gmemOnly: false,
    setUp: [
      { call: "memfd_create", args: { flags: [] }, as: "file" },
      { call: "ftruncate", args: { fd: "file", length: SIZE } },
      mapShared("file"),
      slotOfRam,
      guestTouch,
    ],
    file: "file",
  },
  {
    name: "gmem",
    label: "mapped and touched",
    gmemOnly: true,
    setUp: [createGmem, mapShared("gmem"), slotOfGmem, hostTouch, guestTouch],
    file: "gmem",
  },
  {
    name: "gmem-cold",
    label: "untouched by the VMM",
    gmemOnly: true,
    setUp: [createGmem, mapShared("gmem"), slotOfGmem, guestTouch],
    file: "gmem",
  },
  {
    name: "gmem-anon",
    label: "other memory mapped there",
    gmemOnly: true,
    setUp: [createGmem, ...mapAnonymous, slotOfGmem, hostTouch, guestTouch],
    file: "gmem",
  },
];

/** The set-up, the VMM touching the memory before the guest does. */
export function touchedByHost({ name, setUp }: MemoryKind): readonly Step[] {
  if (setUp.includes(hostTouch) || name === "gmem-cold") return setUp;
  return setUp.flatMap((step) => (step === guestTouch ? [hostTouch, guestTouch] : [step]));
}

export function memoryKind(name: string): MemoryKind {
  return memoryKinds.find((kind) => kind.name === name)!;
}

/** What a guest does afterwards: how many faults it takes is what an operation costs. */
export const guestAfterwards: readonly Step[] = [
  { call: "vcpu_read", args: GUEST_RANGE },
  { call: "vcpu_write", args: GUEST_RANGE },
];

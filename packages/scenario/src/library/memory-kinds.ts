import type { Step } from "../format/step.js";

/** Where the memory of a slot comes from, as recordings name it (FORMAT.md). */
export interface MemoryKind {
  /** The part of a recording's id behind the `@`. */
  readonly name: string;
  /** For the head of a column. */
  readonly label: string;
  /** Pages of the slot. */
  readonly pages: number;
  /** Where they are many, the guest touches a page in each stride. */
  readonly stride?: string;
  /** Do reviews run on it? The others are in `kvmm matrix` only. */
  readonly inReviews: boolean;
  /** Does the guest's memory come only from a guest_memfd, whatever user space maps at the slot's address? */
  readonly gmemOnly: boolean;
  /** Steps that make the memory and the slot, and touch it, in the recordings' own way. */
  readonly setUp: readonly Step[];
  /** The file behind the memory, where one is at hand for calls on it. */
  readonly file?: "file" | "gmem";
}

/** Pages of the slots of reviews. */
export const PAGES = 16;
/** Pages of a slot of huge pages: two of them. */
const HUGE_PAGES = 1024;
const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;
const SIZE = `${PAGES}p`;

/** Guest physical range of the slot of reviews, for the guest's accesses. */
export const GUEST_RANGE = { gpa: hex(GPA), length: SIZE };
/** The same range as user space maps it. */
export const RAM_RANGE = { addr: "ram", length: SIZE };

/** The memory as user space maps it. */
export function rangeOf({ pages }: MemoryKind): { addr: string; length: string } {
  return { addr: "ram", length: `${pages}p` };
}

/** A part of it: the second quarter. */
export function partOf({ pages }: MemoryKind): { addr: string; length: string } {
  return { addr: `ram+${pages / 4}p`, length: `${pages / 4}p` };
}

/** `stride`, for accesses to memory that has one. */
export function strideOf({ stride }: MemoryKind): { stride?: string } {
  return stride === undefined ? {} : { stride };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function mapAnonymous(advice: string, length = SIZE): readonly Step[] {
  const flags = ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED_NOREPLACE"];
  return [
    { call: "mmap", args: { addr: hex(RAM), length, prot: "rw", flags }, as: "ram" },
    { call: "madvise", args: { addr: "ram", length, advice } },
  ];
}

function mapFile(fd: string, sharing: "MAP_SHARED" | "MAP_PRIVATE", length = SIZE): Step {
  const flags = [sharing, "MAP_FIXED_NOREPLACE"];
  return { call: "mmap", args: { addr: hex(RAM), length, prot: "rw", flags, fd }, as: "ram" };
}

function memfd(flags: readonly string[], length = SIZE): readonly Step[] {
  return [
    { call: "memfd_create", args: { flags }, as: "file" },
    { call: "ftruncate", args: { fd: "file", length } },
  ];
}

const createGmem: Step = {
  call: "KVM_CREATE_GUEST_MEMFD",
  args: { size: SIZE, flags: ["GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"] },
  as: "gmem",
};

function slotOfRam(length = SIZE): Step {
  return {
    call: "KVM_SET_USER_MEMORY_REGION2",
    args: { slot: 0, guest_phys_addr: GUEST_RANGE.gpa, memory_size: length, userspace_addr: "ram" },
  };
}

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

/** Memory of huge pages, and what its set-up ends with. */
const large = { pages: HUGE_PAGES, stride: "64p", inReviews: false };
const LARGE = `${HUGE_PAGES}p`;
const largeSlot: readonly Step[] = [
  slotOfRam(LARGE),
  { call: "vcpu_write", args: { gpa: GUEST_RANGE.gpa, length: LARGE, stride: large.stride } },
];

const reviewed = { pages: PAGES, inReviews: true };

export const memoryKinds: readonly MemoryKind[] = [
  {
    name: "anon",
    label: "anonymous",
    ...reviewed,
    gmemOnly: false,
    setUp: [...mapAnonymous("MADV_NOHUGEPAGE"), slotOfRam(), guestTouch],
  },
  {
    name: "memfd-shared",
    label: "memfd",
    ...reviewed,
    gmemOnly: false,
    setUp: [...memfd([]), mapFile("file", "MAP_SHARED"), slotOfRam(), guestTouch],
    file: "file",
  },
  {
    name: "memfd-private",
    label: "private memfd",
    pages: PAGES,
    inReviews: false,
    gmemOnly: false,
    setUp: [...memfd([]), mapFile("file", "MAP_PRIVATE"), slotOfRam(), guestTouch],
    file: "file",
  },
  {
    name: "anon-thp",
    label: "anonymous, in huge pages",
    ...large,
    gmemOnly: false,
    setUp: [...mapAnonymous("MADV_HUGEPAGE", LARGE), ...largeSlot],
  },
  {
    name: "hugetlb2m",
    label: "hugetlb",
    ...large,
    gmemOnly: false,
    setUp: [
      ...memfd(["MFD_HUGETLB", "MFD_HUGE_2MB"], LARGE),
      mapFile("file", "MAP_SHARED", LARGE),
      ...largeSlot,
    ],
    file: "file",
  },
  {
    name: "gmem",
    label: "mapped and touched",
    ...reviewed,
    gmemOnly: true,
    setUp: [createGmem, mapFile("gmem", "MAP_SHARED"), slotOfGmem, hostTouch, guestTouch],
    file: "gmem",
  },
  {
    name: "gmem-cold",
    label: "untouched by the VMM",
    ...reviewed,
    gmemOnly: true,
    setUp: [createGmem, mapFile("gmem", "MAP_SHARED"), slotOfGmem, guestTouch],
    file: "gmem",
  },
  {
    name: "gmem-anon",
    label: "other memory mapped there",
    ...reviewed,
    gmemOnly: true,
    setUp: [createGmem, ...mapAnonymous("MADV_NOHUGEPAGE"), slotOfGmem, hostTouch, guestTouch],
    file: "gmem",
  },
];

/** The set-up, the VMM touching the memory before the guest does; huge pages it leaves alone. */
export function touchedByHost({ name, setUp, stride }: MemoryKind): readonly Step[] {
  if (setUp.includes(hostTouch) || name === "gmem-cold" || stride !== undefined) return setUp;
  return setUp.flatMap((step) => (step === guestTouch ? [hostTouch, guestTouch] : [step]));
}

export function memoryKind(name: string): MemoryKind {
  return memoryKinds.find((kind) => kind.name === name)!;
}

/** What a guest does afterwards: how many faults it takes is what an operation costs. */
export function guestAfterwards(memory: MemoryKind): readonly Step[] {
  const range = { gpa: GUEST_RANGE.gpa, length: rangeOf(memory).length, ...strideOf(memory) };
  return [
    { call: "vcpu_read", args: range },
    { call: "vcpu_write", args: range },
  ];
}

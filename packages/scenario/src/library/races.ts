import type { Architecture } from "../format/machine.js";
import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";

/** A built-in scenario whose threads are explored in every interleaving. */
export interface RaceScenario {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  /** Where it comes from. */
  readonly origin: string;
  /** Architectures on which it can happen at all. */
  readonly architectures: readonly Architecture[];
  readonly scenario: Scenario;
}

const PAGE = "1p";
const RAM = 0x2000_0000_0000;
const GPA = 0x8000_0000;

const anonymous: Step = {
  call: "mmap",
  args: { addr: RAM, length: PAGE, prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] },
  as: "ram",
};
const memfd: readonly Step[] = [
  { call: "memfd_create", args: { flags: [] }, as: "file" },
  { call: "ftruncate", args: { fd: "file", length: PAGE } },
  {
    call: "mmap",
    args: { addr: RAM, length: PAGE, prot: "rw", flags: ["MAP_SHARED", "MAP_FIXED"], fd: "file" },
    as: "ram",
  },
];
const createGmem: Step = {
  call: "KVM_CREATE_GUEST_MEMFD",
  args: { size: PAGE, flags: ["GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"] },
  as: "gmem",
};
const mapGmem: Step = {
  call: "mmap",
  args: { addr: RAM, length: PAGE, prot: "rw", flags: ["MAP_SHARED", "MAP_FIXED"], fd: "gmem" },
  as: "ram",
};
const slot: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: 0, guest_phys_addr: GPA, memory_size: PAGE, userspace_addr: "ram" },
};
const gmemSlot: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: {
    slot: 0,
    flags: ["KVM_MEM_GUEST_MEMFD"],
    guest_phys_addr: GPA,
    memory_size: PAGE,
    userspace_addr: "ram",
    guest_memfd: "gmem",
  },
};
const deleteSlot: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: { slot: 0, guest_phys_addr: GPA, memory_size: 0, userspace_addr: "ram" },
};
const hostWrite: Step = { call: "host_write", args: { addr: "ram", length: PAGE } };
const guestWrite: Step = { call: "vcpu_write", args: { gpa: GPA, length: PAGE } };
const munmap: Step = { call: "munmap", args: { addr: "ram", length: PAGE } };
const dontneed: Step = { call: "madvise", args: { addr: "ram", length: PAGE, advice: "MADV_DONTNEED" } };
const mprotect: Step = { call: "mprotect", args: { addr: "ram", length: PAGE, prot: "r" } };
const punch: Step = {
  call: "fallocate",
  args: { fd: "gmem", mode: ["FALLOC_FL_KEEP_SIZE", "FALLOC_FL_PUNCH_HOLE"], offset: 0, length: PAGE },
};
const activate: Step = { call: "kvm_gpc_activate", args: { gpa: GPA, length: 64 }, as: "cache" };
const activateHva: Step = { call: "kvm_gpc_activate", args: { addr: "ram", length: 64 }, as: "cache" };
/** What KVM's users of a pfncache do, in a loop: refresh it, and use it while it is valid. */
const useCache: readonly Step[] = [
  { call: "kvm_gpc_refresh", args: { cache: "cache" } },
  { call: "kvm_gpc_write", args: { cache: "cache" } },
];

const deactivate: Step = { call: "kvm_gpc_deactivate", args: { cache: "cache" } };
const HUGE_PAGE = "2M";
/** A huge page of hugetlb, and what may take its place: ordinary pages at the same address. */
const hugetlb: readonly Step[] = [
  { call: "memfd_create", args: { flags: ["MFD_HUGETLB", "MFD_HUGE_2MB"] }, as: "file" },
  { call: "ftruncate", args: { fd: "file", length: HUGE_PAGE } },
  {
    call: "mmap",
    args: { addr: RAM, length: HUGE_PAGE, prot: "rw", flags: ["MAP_SHARED", "MAP_FIXED"], fd: "file" },
    as: "ram",
  },
];
const smallPages: readonly Step[] = [
  { call: "munmap", args: { addr: RAM, length: HUGE_PAGE } },
  { ...anonymous, args: { ...anonymous.args, length: HUGE_PAGE } },
];

const both: readonly Architecture[] = ["arm64", "x86"];
/** pfncache.c is built for x86 only. */
const withPfncache: readonly Architecture[] = ["x86"];

function race(
  name: string,
  title: string,
  about: string,
  architectures: readonly Architecture[],
  steps: readonly Step[],
  concurrently: Readonly<Record<string, readonly Step[]>>,
): RaceScenario {
  // On another architecture than the default one a scenario has to say so itself.
  const [arch] = architectures;
  const machine = { nodes: 1, ...(arch === "arm64" || arch === undefined ? {} : { arch }) };
  const origin = "what may happen at the same time on the paths that the RFC touches";
  return { name, title, about, origin, architectures, scenario: { title, machine, steps, concurrently } };
}

const gmem = [createGmem, mapGmem, gmemSlot, hostWrite];
const otherMemory = [createGmem, anonymous, gmemSlot, hostWrite];

/** The races that reviews look for: what faults, uses and updates memory, against what takes it away. */
export const races: readonly RaceScenario[] = [
  race(
    "fault-munmap@anon",
    "guest fault against munmap, anonymous memory",
    "The page that a fault has looked up may be gone when it is mapped: mmu_invalidate_seq has to tell.",
    both,
    [anonymous, slot, hostWrite],
    { vcpu: [guestWrite], vmm: [munmap] },
  ),
  race(
    "fault-dontneed@memfd",
    "guest fault against MADV_DONTNEED, memfd",
    "As with munmap, but the mapping stays and the file keeps its page.",
    both,
    [...memfd, slot, hostWrite],
    { vcpu: [guestWrite], vmm: [dontneed] },
  ),
  race(
    "fault-mprotect@anon",
    "guest write fault against mprotect to read-only",
    "A fault must not map writable what user space may no longer write.",
    both,
    [anonymous, slot, hostWrite],
    { vcpu: [guestWrite], vmm: [mprotect] },
  ),
  race(
    "fault-punch@gmem",
    "guest fault against hole punch, guest_memfd",
    "guest_memfd drives this invalidation itself; no MMU notifier may be needed for it.",
    both,
    gmem,
    { vcpu: [guestWrite], vmm: [punch] },
  ),
  race(
    "fault-munmap@gmem",
    "guest fault against munmap, guest_memfd",
    "The guest's memory does not depend on that mapping.",
    both,
    gmem,
    { vcpu: [guestWrite], vmm: [munmap] },
  ),
  race(
    "fault-remap@hugetlb",
    "guest fault against munmap and mmap of small pages, hugetlb",
    "The size of the mapping that a fault has looked up is good for as long as that mapping is.",
    ["arm64"],
    [...hugetlb, { ...slot, args: { ...slot.args, memory_size: HUGE_PAGE } }],
    { vcpu: [guestWrite], vmm: smallPages },
  ),
  race(
    "delete-munmap@anon",
    "memslot deletion against munmap",
    "An invalidation must end on the same set of memslots on which it began.",
    both,
    [anonymous, slot, hostWrite, guestWrite],
    { ioctl: [deleteSlot], vmm: [munmap] },
  ),
  race(
    "delete-close@gmem",
    "memslot deletion against close of its guest_memfd",
    "Both take the binding apart.",
    both,
    [createGmem, { ...gmemSlot, args: { ...gmemSlot.args, userspace_addr: RAM } }, guestWrite],
    {
      ioctl: [{ ...deleteSlot, args: { ...deleteSlot.args, userspace_addr: RAM } }],
      vmm: [{ call: "close", args: { fd: "gmem" } }],
    },
  ),
  race(
    "pfncache-dontneed@anon",
    "pfncache against MADV_DONTNEED, ordinary slot",
    "From its refresh on only the notifiers keep the cached page from being used after it was freed.",
    withPfncache,
    [anonymous, slot, hostWrite, activate],
    { kernel: useCache, vmm: [dontneed] },
  ),
  race(
    "pfncache-deactivate@anon",
    "pfncache against its deactivation and MADV_DONTNEED, ordinary slot",
    "No notifier finds a cache that is not active: it must not become valid again.",
    withPfncache,
    [anonymous, slot, hostWrite, activate],
    { kernel: useCache, vmm: [deactivate, dontneed] },
  ),
  race(
    "pfncache-dontneed@gmem-anon",
    "pfncache against MADV_DONTNEED, gmem-only slot over other memory",
    "The cache resolves the user address, whatever is mapped there.",
    withPfncache,
    [...otherMemory, activate],
    { kernel: useCache, vmm: [dontneed] },
  ),
  race(
    "pfncache-punch@gmem",
    "pfncache against hole punch, gmem-only slot",
    "The truncation unmaps the user mapping, under MMU notifiers, before it frees the page.",
    withPfncache,
    [...gmem, activate],
    { kernel: useCache, vmm: [punch] },
  ),
  race(
    "pfncache-dontneed@hva",
    "pfncache against MADV_DONTNEED, user address without a slot",
    "No memslot overlaps, so that mmu_invalidate_seq does not move.",
    withPfncache,
    [anonymous, hostWrite, activateHva],
    { kernel: useCache, vmm: [dontneed] },
  ),
];

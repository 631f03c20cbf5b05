import type { Scenario } from "../format/scenario.js";
import type { Step } from "../format/step.js";

/** Scenarios that reach a site which no recording shows: what stands behind "from source" can be run. */

const MAPPED_AT = "0x200000000000";
const GPA = "0x80000000";

/** Memory of a size, and the slot over it; the guest writes its first page. */
function machine(length: string, flags: readonly string[], advice?: string): readonly Step[] {
  return [
    {
      call: "mmap",
      args: { addr: MAPPED_AT, length, prot: "rw", flags: ["MAP_FIXED", ...flags] },
      as: "ram",
    },
    ...(advice === undefined ? [] : [{ call: "madvise", args: { addr: "ram", length, advice } } as const]),
    {
      call: "KVM_SET_USER_MEMORY_REGION2",
      args: { slot: 0, guest_phys_addr: GPA, memory_size: length, userspace_addr: "ram" },
    },
    guestWrites,
  ];
}

const guestWrites: Step = { call: "vcpu_write", args: { gpa: GPA, length: "1p" } };
const ANONYMOUS = ["MAP_PRIVATE", "MAP_ANONYMOUS"];
const HUGETLB = [...ANONYMOUS, "MAP_HUGETLB"];

function scenario(title: string, steps: readonly Step[]): Scenario {
  return { title, machine: {}, steps };
}

export const reapedByMrelease = scenario("A child reaps the memory of its parent, which was killed", [
  ...machine("16p", ANONYMOUS, "MADV_NOHUGEPAGE"),
  { call: "fork", as: "child" },
  { call: "kill" },
  { call: "process_mrelease", task: "child" },
]);

export const forkOfPrivateHugetlb = scenario("fork with a private mapping of huge pages", [
  ...machine("4M", HUGETLB),
  { call: "fork", as: "child" },
]);

export const writeToSharedHugetlb = scenario("A write to a huge page that a child shares since fork", [
  ...machine("4M", HUGETLB),
  { call: "fork", as: "child" },
  guestWrites,
]);

const TARGET_AT = "0x220000000000";

/** A mapping like `ram` whose missing pages a userfaultfd is asked for. */
const userfaultTarget = (length: string): readonly Step[] => [
  {
    call: "mmap",
    args: { addr: TARGET_AT, length, prot: "rw", flags: ["MAP_FIXED", ...ANONYMOUS] },
    as: "target",
  },
  { call: "userfaultfd", args: { flags: [] }, as: "uffd" },
  { call: "UFFDIO_API", args: { on: "uffd", features: [] } },
  {
    call: "UFFDIO_REGISTER",
    args: { on: "uffd", addr: "target", length, mode: ["UFFDIO_REGISTER_MODE_MISSING"] },
  },
];

const moveOut = (length: string): Step => ({
  call: "UFFDIO_MOVE",
  args: { on: "uffd", addr: "target", length, src: "ram" },
});

export const moveOfPages = scenario("UFFDIO_MOVE takes a page of the guest's to somewhere else", [
  ...machine("16p", ANONYMOUS),
  ...userfaultTarget("16p"),
  moveOut("1p"),
]);

export const moveOfHugePage = scenario("UFFDIO_MOVE takes a huge page of the guest's to somewhere else", [
  ...machine("2M", ANONYMOUS, "MADV_HUGEPAGE"),
  ...userfaultTarget("2M"),
  moveOut("2M"),
]);

export const cutOfSharedHugetlb = scenario("A shared mapping of 1 GiB of huge pages is cut in two", [
  ...machine("1G", ["MAP_SHARED", "MAP_ANONYMOUS", "MAP_HUGETLB", "MAP_NORESERVE"]),
  { call: "munmap", args: { addr: "ram+512M", length: "2M" } },
]);

const SHARED = ["MAP_SHARED", "MAP_ANONYMOUS"];
const advise = (advice: string, length = "2M"): Step => ({
  call: "madvise",
  args: { addr: "ram", length, advice },
});

export const collapseOfSharedMemory = scenario("Small pages of shared memory are collapsed to a huge one", [
  ...machine("2M", SHARED),
  advise("MADV_COLLAPSE"),
]);

export const collapseOfSmallEntries = scenario(
  "A huge page of shared memory that small entries map is collapsed",
  [
    ...machine("2M", SHARED),
    advise("MADV_COLLAPSE"),
    advise("MADV_NOHUGEPAGE"),
    advise("MADV_DONTNEED", "1p"),
    guestWrites,
    advise("MADV_HUGEPAGE"),
    advise("MADV_COLLAPSE"),
  ],
);

export const markedIdle = scenario("The guest's pages are marked idle", [
  ...machine("16p", ANONYMOUS),
  { call: "page_idle_bitmap_write", args: { addr: "ram", length: "16p" } },
]);

const reclaim: Step = { call: "memory_reclaim", args: { addr: "ram", length: "16p" } };

export const reclaimedByClassicLru = scenario("The classic LRU is about to reclaim the guest's pages", [
  { call: "write_file", args: { path: "/sys/kernel/mm/lru_gen/enabled", value: "n" } },
  ...machine("16p", ANONYMOUS),
  reclaim,
]);

export const reclaimedByGenerations = scenario(
  "The multi-generational LRU is about to reclaim the guest's pages",
  [...machine("16p", ANONYMOUS), reclaim],
);

export const filteredByAge = scenario("A scheme of DAMON asks whether the guest's pages were used", [
  ...machine("16p", ANONYMOUS),
  { call: "page_idle_bitmap_write", args: { addr: "ram", length: "16p" } },
  { call: "damos", args: { ops: "fvaddr", addr: "ram", length: "16p", action: "stat" } },
]);

export const scannedByKhugepaged = scenario("khugepaged asks whether the guest's pages are in use", [
  ...machine("2M", ANONYMOUS),
  advise("MADV_COLD"),
  advise("MADV_HUGEPAGE"),
  { call: "khugepaged", args: { full_scans: 1 } },
]);

export const poisonedHugetlb: Scenario = {
  title: "A page of the guest's huge page is lost, on Linux 7.3",
  machine: { kernel: "7.3" },
  steps: [...machine("4M", HUGETLB), advise("MADV_HWPOISON", "1p")],
};

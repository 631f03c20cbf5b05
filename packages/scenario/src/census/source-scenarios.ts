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

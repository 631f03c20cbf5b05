import type { Step } from "../format/step.js";
import { GUEST_RANGE } from "./memory-kinds.js";
import type { RaceScenario } from "./races.js";

const LENGTH = "2p";
const HUGE = "512p";
const RAM = 0x2000_0000_0000;
const { gpa } = GUEST_RANGE;

const createGmem: Step = {
  call: "KVM_CREATE_GUEST_MEMFD",
  args: { size: LENGTH, flags: ["GUEST_MEMFD_FLAG_MMAP", "GUEST_MEMFD_FLAG_INIT_SHARED"] },
  as: "gmem",
};
const mapGmem: Step = {
  call: "mmap",
  args: { addr: RAM, length: LENGTH, prot: "rw", flags: ["MAP_SHARED", "MAP_FIXED"], fd: "gmem" },
  as: "ram",
};
const gmemSlot: Step = {
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: {
    slot: 0,
    flags: ["KVM_MEM_GUEST_MEMFD"],
    guest_phys_addr: gpa,
    memory_size: LENGTH,
    userspace_addr: "ram",
    guest_memfd: "gmem",
  },
};
const anonymous = (length: string): Step => ({
  call: "mmap",
  args: { addr: RAM, length, prot: "rw", flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"] },
  as: "ram",
});
const slot = (length: string, flags: readonly string[] = []): Step => ({
  call: "KVM_SET_USER_MEMORY_REGION2",
  args: {
    slot: 0,
    ...(flags.length === 0 ? {} : { flags }),
    guest_phys_addr: gpa,
    memory_size: length,
    userspace_addr: "ram",
  },
});
const hostWrite = (length: string): Step => ({ call: "host_write", args: { addr: "ram", length } });
const enable = (policy: string): Step => ({ call: "spe_enable", args: { gpa, length: LENGTH, policy } });
const scan: Step = { call: "numa_balancing", args: { mode: 1, toucher: [], ms: 1 } };
const record: readonly Step[] = [{ call: "spe_write" }];

function race(
  name: string,
  title: string,
  about: string,
  steps: readonly Step[],
  concurrently: Readonly<Record<string, readonly Step[]>>,
): RaceScenario {
  const machine = { nodes: 2, eager_split_chunk_size: 0x20_0000 };
  const origin = "what SPE in a guest needs: facts of the series of Alexandru Elisei, versions 4 to 7";
  return {
    name,
    title,
    about,
    origin,
    architectures: ["arm64"],
    scenario: { title, machine, steps, concurrently },
  };
}

/** SPE's writes to its buffer against what takes the buffer from stage 2. No other races: SPE is a thread of its own. */
export const speRaces: readonly RaceScenario[] = [
  race(
    "spe-numa@gmem",
    "SPE's records against NUMA balancing, guest_memfd",
    "The scan's notifier unmaps the buffer, though guest_memfd keeps its pages where they are.",
    [createGmem, mapGmem, gmemSlot, hostWrite(LENGTH), enable("gmem-prefault")],
    { spe: record, kernel: [scan] },
  ),
  race(
    "spe-numa@anon",
    "SPE's records against NUMA balancing, anonymous memory",
    "The same, with nothing that keeps ordinary memory mapped.",
    [anonymous(LENGTH), slot(LENGTH), hostWrite(LENGTH), enable("none")],
    { spe: record, kernel: [scan] },
  ),
  race(
    "spe-numa@anon-pinned",
    "SPE's records against NUMA balancing, pinned anonymous memory",
    "Version 6 pins the buffer when it is enabled, and ignores notifiers that leave a pinned page where it is.",
    [anonymous(LENGTH), slot(LENGTH), hostWrite(LENGTH), enable("pin-on-enable")],
    { spe: record, kernel: [scan] },
  ),
  race(
    "spe-split@thp",
    "SPE's records against the split of the block that maps the buffer",
    "Dirty logging splits blocks by break-before-make: a write between the two faults, and nobody makes it again.",
    [
      anonymous(HUGE),
      { call: "madvise", args: { addr: "ram", length: HUGE, advice: "MADV_HUGEPAGE" } },
      slot(HUGE),
      hostWrite("1p"),
      enable("none"),
    ],
    { spe: record, vmm: [slot(HUGE, ["KVM_MEM_LOG_DIRTY_PAGES"])] },
  ),
];

import type { Step } from "../format/step.js";
import { GUEST_RANGE, memoryKind, PAGES, RAM_RANGE, touchedByHost } from "../library/memory-kinds.js";

/** Where the memory of the guest comes from: anonymous memory, a transparent huge page, or guest_memfd alone. */
export const speMemories = ["anon", "thp", "gmem"] as const;
export type SpeMemory = (typeof speMemories)[number];

/** In words, for labels. */
export const SPE_MEMORY_NAMES: Readonly<Record<SpeMemory, string>> = {
  anon: "anonymous",
  thp: "transparent huge page",
  gmem: "guest_memfd-only",
};

/** The buffer is the first 16 pages of slot 0. */
export const BUFFER_PAGES = PAGES;
export const BUFFER_GPA = Number(GUEST_RANGE.gpa);

/** Memory and slot as a VMM makes them, before the guest runs. */
export interface GuestMemory {
  readonly steps: readonly Step[];
  /** Pages of slot 0. */
  readonly slotPages: number;
  /** What KVM_SET_USER_MEMORY_REGION2 was given for slot 0. */
  readonly slotArgs: NonNullable<Step["args"]>;
}

const HUGE_PAGES = 512;
const HUGE = `${HUGE_PAGES}p`;

const hugeSlot = {
  slot: 0,
  guest_phys_addr: GUEST_RANGE.gpa,
  memory_size: HUGE,
  userspace_addr: "ram",
};

const huge: GuestMemory = {
  steps: [
    {
      call: "mmap",
      args: {
        addr: 0x2000_0000_0000,
        length: HUGE,
        prot: "rw",
        flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED_NOREPLACE"],
      },
      as: "ram",
    },
    { call: "madvise", args: { addr: "ram", length: HUGE, advice: "MADV_HUGEPAGE" } },
    { call: "KVM_SET_USER_MEMORY_REGION2", args: hugeSlot },
    { call: "host_write", args: { addr: "ram", length: "1p" } },
  ],
  slotPages: HUGE_PAGES,
  slotArgs: hugeSlot,
};

/** @param mergeable - MADV_MERGEABLE, for KSM to look at it */
export function guestMemory(memory: SpeMemory, mergeable: boolean): GuestMemory {
  if (memory === "thp") return huge;
  const steps = touchedByHost(memoryKind(memory)).filter(({ call }) => call !== "vcpu_write");
  const slotArgs = steps.find(({ call }) => call === "KVM_SET_USER_MEMORY_REGION2")!.args!;
  const advice: readonly Step[] = mergeable
    ? [{ call: "madvise", args: { ...RAM_RANGE, advice: "MADV_MERGEABLE" } }]
    : [];
  return { steps: [...steps, ...advice], slotPages: PAGES, slotArgs };
}

import type { Step } from "../format/step.js";
import { type MemoryKind, RAM_RANGE } from "./memory-kinds.js";

/** Something that the host does to the memory behind a slot. */
export interface Operation {
  /** The part of a recording's id before the `@`. */
  readonly name: string;
  readonly title: string;
  /** Does user space ask for the guest's memory itself to go, so that stage 2 has to lose it in any case? */
  readonly takesMemory: boolean;
  /** The VMM touches the memory before the guest does. */
  readonly hostTouchesFirst?: boolean;
  /** Its steps on a kind of memory, or undefined where there is no such thing. */
  readonly steps: (memory: MemoryKind) => readonly Step[] | undefined;
}

const PART = { addr: "ram+4p", length: "4p" };

function onRam(name: string, title: string, step: Step): Operation {
  return { name, title, takesMemory: false, steps: () => [step] };
}

const punch = (offset: string | number, length: string) => (memory: MemoryKind) => {
  if (memory.file === undefined) return undefined;
  const mode = ["FALLOC_FL_KEEP_SIZE", "FALLOC_FL_PUNCH_HOLE"];
  return [{ call: "fallocate" as const, args: { fd: memory.file, mode, offset, length } }];
};

export const operations: readonly Operation[] = [
  onRam("munmap-all", "munmap", { call: "munmap", args: RAM_RANGE }),
  onRam("munmap-part", "munmap of 4 pages", { call: "munmap", args: PART }),
  onRam("mprotect-r", "mprotect to read-only", { call: "mprotect", args: { ...RAM_RANGE, prot: "r" } }),
  onRam("mprotect-none", "mprotect to PROT_NONE", { call: "mprotect", args: { ...RAM_RANGE, prot: "none" } }),
  onRam("madvise-dontneed", "MADV_DONTNEED", {
    call: "madvise",
    args: { ...RAM_RANGE, advice: "MADV_DONTNEED" },
  }),
  onRam("madvise-dontneed-part", "MADV_DONTNEED of 4 pages", {
    call: "madvise",
    args: { ...PART, advice: "MADV_DONTNEED" },
  }),
  onRam("mmap-fixed-anon", "mmap of other memory over it", {
    call: "mmap",
    args: {
      addr: "ram",
      length: RAM_RANGE.length,
      prot: "rw",
      flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"],
    },
  }),
  {
    ...onRam("numa-default-host", "NUMA balancing", {
      call: "numa_balancing",
      args: { mode: 1, toucher: ["host"], ms: 3000 },
    }),
    hostTouchesFirst: true,
  },
  { name: "fd-punch-part", title: "hole punch of 4 pages", takesMemory: true, steps: punch("4p", "4p") },
  { name: "fd-punch-all", title: "hole punch", takesMemory: true, steps: punch(0, "16p") },
];

import type { Step } from "../../format/step.js";
import type { MemoryKind } from "../memory-kinds.js";
import { strideOf } from "../memory-kinds.js";
import { advise, inReviews, type Operation, onMapping } from "./operation.js";

const on = onMapping("migration");

function moving(mode: string, nodemask: readonly number[], flags: readonly string[]) {
  return (ram: Step["args"]): readonly Step[] => [{ call: "mbind", args: { ...ram, mode, nodemask, flags } }];
}

const movePages: Operation = {
  ...on("move-pages", "move_pages", () => []),
  steps: (memory) => [
    {
      call: "move_pages",
      args: { addr: "ram", count: 16, ...strideOf(memory), node: 1, flags: ["MPOL_MF_MOVE"] },
    },
  ],
};

/** The VMM takes one page of hugetlb as a whole. */
const onePage = ({ name }: MemoryKind) => (name === "hugetlb2m" ? "2M" : "1p");

function poisoning(name: string, title: string, advice: string, takesMemory: boolean): Operation {
  return {
    ...on(name, title, () => []),
    takesMemory,
    steps: (memory) => [advise({ addr: `ram+${memory.pages / 4}p`, length: onePage(memory) }, advice)],
  };
}

/** What moves pages to other frames, or takes bad ones away. */
export const migrationOperations = [
  {
    ...inReviews(
      on("numa-default-host", "NUMA balancing", () => [
        { call: "numa_balancing", args: { mode: 1, toucher: ["host"], ms: 3000 } },
      ]),
    ),
    hostTouchesFirst: true,
  },
  on("mbind-bind1-move", "mbind with MPOL_MF_MOVE", moving("MPOL_BIND", [1], ["MPOL_MF_MOVE"])),
  on("mbind-bind1-nomove", "mbind that moves nothing", moving("MPOL_BIND", [1], [])),
  on("migrate-pages", "migrate_pages", () => [
    { call: "migrate_pages", args: { pid: 0, old_nodes: [0], new_nodes: [1] } },
  ]),
  movePages,
  on("compact-memory", "compaction", () => [{ call: "compact_memory" }]),
  on("compact-range", "compaction that needs these pages' place", (ram) => [
    { call: "compact_memory", args: ram },
  ]),
  on("split-debug", "splitting of huge pages", () => [{ call: "split_huge_pages", args: { value: 1 } }]),
  on("khugepaged", "khugepaged, after a split", () => [
    { call: "split_huge_pages", args: { value: 1 } },
    { call: "khugepaged", args: { full_scans: 1 } },
  ]),
  poisoning("madvise-soft-offline", "MADV_SOFT_OFFLINE of a page", "MADV_SOFT_OFFLINE", false),
  poisoning("madvise-hwpoison", "MADV_HWPOISON of a page", "MADV_HWPOISON", true),
];

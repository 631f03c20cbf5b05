import { type Operation, onMapping } from "./operation.js";

const on = onMapping("ageing and reclaim");

/** Of the memory that the guest has, whatever user space maps there. */
const damonByFrame: Operation = {
  ...on("damon-paddr", "DAMON, by physical address", () => []),
  steps: ({ gmemOnly, pages }) => [
    {
      call: "damon",
      args: {
        ops: "paddr",
        frame_of: gmemOnly ? "gmem" : "ram",
        offset: `${pages / 4}p`,
        length: "1p",
        ms: 1600,
        toucher: ["guest"],
      },
    },
  ],
};

/** What asks whether pages are in use, and what takes those that are not. */
export const ageingOperations = [
  on("lru-gen-age", "ageing by the multi-gen LRU", () => [
    { call: "lru_gen_age", args: { node: 0, times: 3 } },
  ]),
  on("damon-fvaddr", "DAMON, by virtual address", (ram) => [
    { call: "damon", args: { ops: "fvaddr", ...ram, ms: 1600, toucher: ["guest"] } },
  ]),
  damonByFrame,
  on("damos-young-stat", "a scheme of DAMON counts what was used", (ram) => [
    { call: "page_idle_bitmap_write", args: ram },
    { call: "damos", args: { ops: "fvaddr", ...ram, action: "stat" } },
  ]),
  on("damos-young-pageout", "a scheme of DAMON reclaims what was not used", (ram) => [
    { call: "damos", args: { ops: "paddr", ...ram, action: "pageout" } },
    { call: "damos", args: { ops: "paddr", ...ram, action: "pageout" } },
  ]),
  on("reclaim", "reclaim by the multi-gen LRU", (ram) => [{ call: "memory_reclaim", args: ram }]),
  on("reclaim-twice", "reclaim by the multi-gen LRU, once more", (ram) => [
    { call: "memory_reclaim", args: ram },
    { call: "memory_reclaim", args: ram },
  ]),
  on("reclaim-classic", "reclaim by the classic LRU", (ram) => [
    { call: "write_file", args: { path: "/sys/kernel/mm/lru_gen/enabled", value: "n" } },
    { call: "memory_reclaim", args: ram },
  ]),
  on("reclaim-classic-twice", "reclaim by the classic LRU, once more", (ram) => [
    { call: "write_file", args: { path: "/sys/kernel/mm/lru_gen/enabled", value: "n" } },
    { call: "memory_reclaim", args: ram },
    { call: "memory_reclaim", args: ram },
  ]),
  on("node-reclaim", "reclaim of a node", () => [{ call: "node_reclaim", args: { node: 0, size: "512M" } }]),
  on("drop-caches", "drop_caches", () => [{ call: "drop_caches", args: { value: 3 } }]),
  on("clear-refs-1", "clear_refs 1", () => [{ call: "clear_refs", args: { value: 1 } }]),
  on("clear-refs-4", "clear_refs 4", () => [{ call: "clear_refs", args: { value: 4 } }]),
];

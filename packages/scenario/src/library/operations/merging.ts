import { advise, onMapping } from "./operation.js";

const on = onMapping("same-page merging");

/** KSM */
export const mergingOperations = [
  on("ksm-merge", "KSM merges", (ram) => [
    advise(ram, "MADV_MERGEABLE"),
    { call: "ksm_run", args: { full_scans: 3 } },
  ]),
  on("ksm-merge-unmerge", "KSM merges and unmerges", (ram) => [
    advise(ram, "MADV_MERGEABLE"),
    { call: "ksm_run", args: { full_scans: 3 } },
    advise(ram, "MADV_UNMERGEABLE"),
  ]),
  on("ksm-merge-hostwrite", "KSM merges, the VMM writes", (ram) => [
    advise(ram, "MADV_MERGEABLE"),
    { call: "ksm_run", args: { full_scans: 3 } },
    { call: "host_write", args: ram },
  ]),
];

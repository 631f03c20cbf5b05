import type { Step } from "../../format/step.js";
import { onMapping } from "./operation.js";

const on = onMapping("userfaultfd and pagemap");

const WP = ["UFFDIO_REGISTER_MODE_WP"];

function registered(range: object, mode: readonly string[], features: readonly string[] = []): Step[] {
  return [
    { call: "userfaultfd", args: { flags: ["O_CLOEXEC", "O_NONBLOCK"] }, as: "uffd" },
    { call: "UFFDIO_API", args: { on: "uffd", features } },
    { call: "UFFDIO_REGISTER", args: { on: "uffd", ...range, mode } },
  ];
}

const unregister = (range: object): Step => ({ call: "UFFDIO_UNREGISTER", args: { on: "uffd", ...range } });
const close: Step = { call: "close", args: { fd: "uffd" } };

/** What userfaultfd and PAGEMAP_SCAN do to what is there already. */
export const userfaultfdOperations = [
  on("uffd-reg-wp", "userfaultfd registers (WP)", (ram) => [...registered(ram, WP), unregister(ram), close]),
  on("uffd-wp", "UFFDIO_WRITEPROTECT", (ram) => [
    ...registered(ram, WP),
    {
      call: "UFFDIO_WRITEPROTECT",
      args: { on: "uffd", ...ram, mode: ["UFFDIO_WRITEPROTECT_MODE_WP"] },
    },
    unregister(ram),
    close,
  ]),
  on("uffd-reg-missing", "userfaultfd registers (MISSING)", (ram) => [
    ...registered(ram, ["UFFDIO_REGISTER_MODE_MISSING"]),
    close,
  ]),
  on("uffd-wp-async-pagemap-scan", "PAGEMAP_SCAN that protects", (ram) => [
    ...registered(ram, WP, ["UFFD_FEATURE_WP_ASYNC", "UFFD_FEATURE_WP_UNPOPULATED"]),
    {
      call: "PAGEMAP_SCAN",
      args: {
        ...ram,
        flags: ["PM_SCAN_WP_MATCHING"],
        category_mask: ["PAGE_IS_WRITTEN"],
        return_mask: ["PAGE_IS_WRITTEN"],
        vec_len: 32,
      },
    },
    unregister(ram),
    close,
  ]),
];

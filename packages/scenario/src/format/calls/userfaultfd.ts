import { address, descriptor, flags, number, required, size } from "../argument.js";
import { pageCategories, pagemapScanFlags } from "../constants/pagemap.js";
import {
  registerModes,
  userfaultfdFeatures,
  userfaultfdFlags,
  writeProtectModes,
} from "../constants/userfaultfd.js";
import { call } from "./call.js";

const range = { on: required(descriptor), addr: required(address), length: required(size) };

/** userfaultfd, and the page-table scan that works with it. */
export const userfaultfdCalls = {
  userfaultfd: call(
    "makes a userfaultfd",
    { flags: required(flags(userfaultfdFlags)) },
    { gives: "descriptor" },
  ),
  UFFDIO_API: call("enables features of a userfaultfd", {
    on: required(descriptor),
    features: required(flags(userfaultfdFeatures)),
  }),
  UFFDIO_REGISTER: call("registers a range", { ...range, mode: required(flags(registerModes)) }),
  UFFDIO_UNREGISTER: call("unregisters a range", range),
  UFFDIO_WRITEPROTECT: call("write-protects a range, or ends that", {
    ...range,
    mode: required(flags(writeProtectModes)),
  }),
  PAGEMAP_SCAN: call("scans the page table through /proc/self/pagemap", {
    addr: required(address),
    length: required(size),
    flags: required(flags(pagemapScanFlags)),
    category_mask: required(flags(pageCategories)),
    return_mask: required(flags(pageCategories)),
    vec_len: required(number),
  }),
  clear_refs: call("writes to /proc/self/clear_refs", { value: required(number) }),
} as const;

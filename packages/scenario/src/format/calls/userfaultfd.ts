import { address, descriptor, flags, number, orElse, required, size } from "../argument.js";
import { pageCategories, pagemapScanFlags } from "../constants/pagemap.js";
import {
  continueModes,
  copyModes,
  moveModes,
  poisonModes,
  registerModes,
  userfaultfdFeatures,
  userfaultfdFlags,
  writeProtectModes,
  zeropageModes,
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
  UFFDIO_COPY: call("fills missing pages with a copy of others, and wakes who waits for them", {
    ...range,
    src: required(address),
    mode: orElse(flags(copyModes), []),
  }),
  UFFDIO_ZEROPAGE: call("fills missing pages with zeros, and wakes who waits for them", {
    ...range,
    mode: orElse(flags(zeropageModes), []),
  }),
  UFFDIO_CONTINUE: call("maps pages that the file has, and wakes who waits for them", {
    ...range,
    mode: orElse(flags(continueModes), []),
  }),
  UFFDIO_POISON: call("makes missing pages memory errors, and wakes who waits for them", {
    ...range,
    mode: orElse(flags(poisonModes), []),
  }),
  UFFDIO_MOVE: call("moves private pages to where pages are missing, and wakes who waits for them", {
    ...range,
    src: required(address),
    mode: orElse(flags(moveModes), []),
  }),
  UFFDIO_WAKE: call("wakes who waits for pages of a range", range),
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

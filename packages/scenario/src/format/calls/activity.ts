import {
  address,
  bool,
  choice,
  choices,
  count,
  number,
  optional,
  orElse,
  reference,
  required,
  size,
} from "../argument.js";
import { call } from "./call.js";

/** What the kernel does in its own time, or is told to do through a control file. */
export const activityCalls = {
  compact_memory: call("compacts memory; with a range, the pages behind it have to move", {
    addr: optional(address),
    length: orElse(size, 0),
  }),
  split_huge_pages: call("splits every huge page of the system", { value: required(number) }),
  node_reclaim: call("reclaims memory of a node", { node: required(number), size: required(size) }),
  lru_gen_age: call("ageing walks of the multi-generational LRU", {
    node: required(number),
    times: required(number),
  }),
  memory_reclaim: call(
    "reclaims, as kswapd or a write to memory.reclaim, the pages behind a range, which are the least recently used",
    { addr: required(address), length: required(size) },
  ),
  khugepaged: call("khugepaged looks at all memory so often, then sleeps", { full_scans: required(count) }),
  page_idle_bitmap_write: call("marks the frames behind a range idle (/sys/kernel/mm/page_idle/bitmap)", {
    addr: required(address),
    length: required(size),
  }),
  page_idle_bitmap_read: call("asks which frames behind a range are idle still", {
    addr: required(address),
    length: required(size),
  }),
  ksm_run: call("ksmd scans everything so often, then stops", { full_scans: required(count) }),
  damon: call("DAMON watches a range, or the frame behind a page", {
    ops: required(choice("fvaddr", "paddr")),
    addr: optional(address),
    frame_of: optional(reference),
    offset: orElse(size, 0),
    length: required(size),
    ms: required(count),
    toucher: required(choices("host", "guest")),
  }),
  damos: call("a scheme of DAMON with a filter by age is applied to a range", {
    ops: required(choice("fvaddr", "paddr")),
    addr: required(address),
    length: required(size),
    action: required(choice("stat", "pageout", "migrate_hot", "migrate_cold")),
    target_nid: orElse(count, 0),
    matching: orElse(bool, true),
    allow: orElse(bool, false),
  }),
  damon_stat: call("the kernel's DAMON_STAT is switched on for so long", { ms: required(count) }),
} as const;

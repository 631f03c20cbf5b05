import {
  address,
  choices,
  constant,
  count,
  flags,
  nodemask,
  number,
  optional,
  orElse,
  required,
  size,
} from "../argument.js";
import { getMempolicyFlags, mbindFlags, policyModeFlags, policyModes } from "../constants/mempolicy.js";
import { call } from "./call.js";

/** Memory policies and migration between NUMA nodes. */
export const numaCalls = {
  mbind: call("sets the memory policy of a range", {
    addr: required(address),
    length: required(size),
    mode: required(constant(policyModes)),
    mode_flags: orElse(flags(policyModeFlags), []),
    nodemask: required(nodemask),
    flags: orElse(flags(mbindFlags), []),
  }),
  set_mempolicy: call("sets the memory policy of the task", {
    mode: required(constant(policyModes)),
    mode_flags: orElse(flags(policyModeFlags), []),
    nodemask: required(nodemask),
  }),
  get_mempolicy: call("asks for the memory policy at an address", {
    addr: required(address),
    flags: required(flags(getMempolicyFlags)),
  }),
  migrate_pages: call("moves a process's pages between nodes", {
    pid: required(number),
    old_nodes: required(nodemask),
    new_nodes: required(nodemask),
  }),
  move_pages: call("moves single pages to a node, or without a node asks where they are", {
    addr: required(address),
    count: required(number),
    stride: orElse(size, "1p"),
    node: optional(number),
    flags: orElse(flags(mbindFlags), []),
  }),
  numa_balancing: call(
    "automatic NUMA balancing, while the VMM moves to node 1 and the touchers keep writing",
    {
      mode: required(number),
      toucher: required(choices("host", "guest")),
      ms: required(count),
    },
  ),
} as const;

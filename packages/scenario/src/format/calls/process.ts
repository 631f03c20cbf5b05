import { address, required, size } from "../argument.js";
import { call } from "./call.js";

/** Processes, and one's access to another's memory. */
export const processCalls = {
  fork: call("makes a child that waits", {}, { gives: "task" }),
  vfork: call("makes a child that shares the memory", {}, { gives: "task" }),
  exit: call("the child exits and is reaped", {}, { needsTask: true }),
  process_vm_readv: call("reads the VMM's own memory", { addr: required(address), length: required(size) }),
  process_vm_writev: call("writes the VMM's own memory", { addr: required(address), length: required(size) }),
} as const;

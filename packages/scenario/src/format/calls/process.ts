import { address, constant, flags, numbers, optional, orElse, required, size, task } from "../argument.js";
import { advices } from "../constants/mman.js";
import { call } from "./call.js";

/** Processes, and one's access to another's memory. */
export const processCalls = {
  fork: call("makes a child that waits", {}, { gives: "task" }),
  vfork: call("makes a child that shares the memory", {}, { gives: "task" }),
  exit: call("the child exits and is reaped", {}, { needsTask: true }),
  kill: call(
    "a process (without pid, the VMM) is killed: it makes no call any more, and exits when it gets to it",
    {
      pid: optional(task),
      sig: orElse(constant({ SIGKILL: 9 }), "SIGKILL"),
    },
  ),
  process_madvise: call("gives advice about ranges of a process; without pidfd, of the caller", {
    pidfd: optional(task),
    /** iov_base and iov_len by turns. */
    vec: required(numbers),
    advice: required(constant(advices)),
    flags: orElse(flags({}), []),
  }),
  process_mrelease: call("takes the memory of a process that was killed; without pidfd, the VMM's", {
    pidfd: optional(task),
    flags: orElse(flags({}), []),
  }),
  process_vm_readv: call("reads the VMM's own memory", { addr: required(address), length: required(size) }),
  process_vm_writev: call("writes the VMM's own memory", { addr: required(address), length: required(size) }),
} as const;

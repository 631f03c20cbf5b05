import { fork, processVmRw, vfork } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { count, unsigned } from "../results.js";

export const processBindings = {
  fork: (_world, task) => ({ task: fork(task) }),
  vfork: (_world, task) => ({ task: vfork(task) }),
  exit: (world, task) => {
    world.end(task);
    return {};
  },
  process_vm_readv: (_world, task, { addr, length }) =>
    count(processVmRw(task, unsigned(addr), unsigned(length), false)),
  process_vm_writev: (_world, task, { addr, length }) =>
    count(processVmRw(task, unsigned(addr), unsigned(length), true)),
} satisfies Bindings;

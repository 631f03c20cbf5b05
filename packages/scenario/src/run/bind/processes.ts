import {
  fork,
  killProcess,
  NotModelled,
  processMadvise,
  processMrelease,
  processVmRw,
  vfork,
} from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { count, int, unsigned, zero } from "../results.js";

export const processBindings = {
  fork: (_world, task) => ({ task: fork(task) }),
  vfork: (_world, task) => ({ task: vfork(task) }),
  exit: (world, task) => {
    world.end(task);
    return {};
  },
  kill: (world, _task, { pid, sig }) => {
    if (sig !== 9n) throw new NotModelled("kill with a signal other than SIGKILL");
    killProcess(world.task(pid).process);
    return {};
  },
  process_madvise: (world, task, { pidfd, vec, advice, flags }) => {
    const target = pidfd === undefined ? task.process : world.task(pidfd).process;
    const ranges = vec.flatMap((base, at) =>
      at % 2 === 0 ? [{ base: unsigned(base), length: unsigned(vec[at + 1] ?? 0n) }] : [],
    );
    return count(processMadvise(task, target, ranges, int(advice), int(flags)));
  },
  process_mrelease: (world, _task, { pidfd, flags }) =>
    zero(processMrelease(world.task(pidfd).process, int(flags))),
  process_vm_readv: (_world, task, { addr, length }) =>
    count(processVmRw(task, unsigned(addr), unsigned(length), false)),
  process_vm_writev: (_world, task, { addr, length }) =>
    count(processVmRw(task, unsigned(addr), unsigned(length), true)),
} satisfies Bindings;

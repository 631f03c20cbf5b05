import { close, dup, fallocate, fsync, ftruncate, memfdCreate, NotModelled, open, writeProcMem } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { count, int, named, signed, unsigned, zero } from "../results.js";

export const fileBindings = {
  memfd_create: (_world, task, { flags }) => named(memfdCreate(task, unsigned(flags))),
  open: (_world, task, { path, proc_fd, flags }) => {
    if (proc_fd !== undefined || path === undefined) throw new NotModelled("open(/proc/self/fd/N)");
    return named(open(task, path, unsigned(flags)));
  },
  close: (_world, task, { fd }) => zero(close(task, int(fd))),
  dup: (_world, task, { fd }) => named(dup(task, int(fd))),
  ftruncate: (_world, task, { fd, length }) => zero(ftruncate(task, int(fd), signed(length))),
  fallocate: (_world, task, { fd, mode, offset, length }) =>
    zero(fallocate(task, int(fd), int(mode), signed(offset), signed(length))),
  fsync: (_world, task, { fd }) => zero(fsync(task, int(fd))),
  pwrite: (_world, task, { proc_self_mem, count: bytes, offset }) => {
    if (!proc_self_mem) throw new NotModelled("pwrite to a file");
    return count(writeProcMem(task, unsigned(offset), unsigned(bytes)));
  },
} satisfies Bindings;

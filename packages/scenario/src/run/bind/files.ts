import { close, dup, fallocate, ftruncate, memfdCreate, NotModelled, open } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { int, named, signed, unsigned, zero } from "../results.js";

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
} satisfies Bindings;

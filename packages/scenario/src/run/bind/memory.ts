import { madvise, mmap, mprotect, munmap } from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { int, named, unsigned, zero } from "../results.js";

export const memoryBindings = {
  mmap: (_world, task, { addr, length, prot, flags, fd, offset }) =>
    named(
      mmap(task, {
        addr: unsigned(addr),
        length: unsigned(length),
        prot: unsigned(prot),
        flags: unsigned(flags),
        fd: int(fd),
        offset: unsigned(offset),
      }),
    ),
  munmap: (_world, task, { addr, length }) => zero(munmap(task, unsigned(addr), unsigned(length))),
  mprotect: (_world, task, { addr, length, prot }) =>
    zero(mprotect(task, unsigned(addr), unsigned(length), unsigned(prot))),
  madvise: (_world, task, { addr, length, advice }) =>
    zero(madvise(task, unsigned(addr), unsigned(length), int(advice))),
} satisfies Bindings;

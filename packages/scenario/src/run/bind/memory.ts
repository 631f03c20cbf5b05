import {
  clearRefs,
  isRefusal,
  madvise,
  mincore,
  mlock,
  mlock2,
  mlockall,
  mmap,
  mprotect,
  mremap,
  mseal,
  msync,
  munlock,
  munlockall,
  munmap,
  pinLongtermTestStart,
  pinLongtermTestStop,
} from "@kvmm/mm-core";
import type { Bindings } from "../outcome.js";
import { PageRuns } from "../page-runs.js";
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
  mremap: (_world, task, { old_address, old_size, new_size, flags, new_address }) =>
    named(
      mremap(task, {
        oldAddress: unsigned(old_address),
        oldSize: unsigned(old_size),
        newSize: unsigned(new_size),
        flags: unsigned(flags),
        newAddress: unsigned(new_address),
      }),
    ),
  mlock: (_world, task, { addr, length }) => zero(mlock(task, unsigned(addr), unsigned(length))),
  munlock: (_world, task, { addr, length }) => zero(munlock(task, unsigned(addr), unsigned(length))),
  mlock2: (_world, task, { addr, length, flags }) =>
    zero(mlock2(task, unsigned(addr), unsigned(length), int(flags))),
  mlockall: (_world, task, { flags }) => zero(mlockall(task, int(flags))),
  munlockall: (_world, task) => zero(munlockall(task)),
  msync: (_world, task, { addr, length, flags }) =>
    zero(msync(task, unsigned(addr), unsigned(length), int(flags))),
  mseal: (_world, task, { addr, length, flags }) =>
    zero(mseal(task, unsigned(addr), unsigned(length), unsigned(flags))),
  PIN_LONGTERM_TEST_START: (_world, task, { addr, length, flags }) =>
    zero(pinLongtermTestStart(task, unsigned(addr), unsigned(length), unsigned(flags))),
  PIN_LONGTERM_TEST_STOP: ({ host }) => {
    pinLongtermTestStop(host);
    return {};
  },
  mincore: (_world, task, { addr, length }) => {
    const resident = mincore(task, unsigned(addr), unsigned(length));
    if (isRefusal(resident)) return { refusal: resident };
    const runs = new PageRuns();
    for (const [page, isResident] of resident.entries()) if (isResident) runs.add(page);
    return { observation: { resident: runs.list() } };
  },
  clear_refs: (_world, task, { value }) => zero(clearRefs(task, int(value))),
} satisfies Bindings;

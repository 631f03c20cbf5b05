import { expect, test } from "vitest";
import { PAGE_SIZE } from "./addresses.js";
import { hostAccess } from "./host-access.js";
import { taskNumaWork } from "./numa/scan.js";
import { ftruncate, memfdCreate } from "./syscalls/files.js";
import { Madv, madvise } from "./syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "./syscalls/mmap.js";
import { munmap } from "./syscalls/munmap.js";
import { Machine, ok } from "./testing/machine.js";

const RAM = 0x2000_0000_0000;
const PAGES = 16;
const LENGTH = PAGES * PAGE_SIZE;

test("a write to anonymous memory takes a page, which keeps its contents when it moves and goes with MADV_DONTNEED or munmap", () => {
  const m = new Machine();
  const { used } = m;
  m.mapAnon(RAM, LENGTH);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  for (let page = 0; page < PAGES; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, page);
  expect(m.used).toBe(used + PAGES);
  m.task.cpu.set(1);
  // Only what is on the LRU can be moved.
  m.host.lru.drain();
  taskNumaWork(m.task, 1);
  for (let page = 0; page < PAGES; page++) {
    expect(hostAccess(m.task, RAM + page * PAGE_SIZE)).toEqual({ value: page });
  }
  expect(m.accesses(RAM, PAGES).map((access) => m.host.frames.nodeOf(access!.pfn))).toEqual(
    Array(PAGES).fill(1),
  );
  ok(madvise(m.task, RAM, 2 * PAGE_SIZE, Madv.dontneed));
  expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 0 });
  expect(munmap(m.task, RAM, LENGTH)).toBe(0);
  expect(m.used).toBe(used);
  expect(hostAccess(m.task, RAM)).toEqual({ signal: "SIGSEGV", code: "SEGV_MAPERR" });
});

test("a private mapping of a file reads what a shared one wrote, and keeps its own writes to itself", () => {
  const { task } = new Machine();
  const fd = ok(memfdCreate(task, 0));
  ok(ftruncate(task, fd, LENGTH));
  const map = (addr: number, type: number) =>
    ok(
      mmap(task, {
        addr,
        length: LENGTH,
        prot: Prot.read | Prot.write,
        flags: type | MapFlag.fixed,
        fd,
        offset: 0,
      }),
    );
  const shared = map(RAM, MapFlag.shared);
  const own = map(0x2100_0000_0000, MapFlag.private);
  expect(hostAccess(task, shared, 3)).toEqual({ value: 3 });
  expect(hostAccess(task, own)).toEqual({ value: 3 });
  expect(hostAccess(task, own, 4)).toEqual({ value: 4 });
  expect(hostAccess(task, shared)).toEqual({ value: 3 });
});

import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE } from "../addresses.js";
import { getUserPage } from "../gup.js";
import { hostAccess } from "../host-access.js";
import { FallocFlag } from "../shmem.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { fallocate, ftruncate, memfdCreate } from "./files.js";
import { Madv, madvise } from "./madvise.js";
import { movePages } from "./migrate.js";
import { mlock } from "./mlock.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { mprotect } from "./mprotect.js";
import { munmap } from "./munmap.js";
import { uffdioMove } from "./uffdio-fill.js";
import { UffdRegister, UffdWriteprotect, uffdioWriteprotect } from "./userfaultfd.js";

const RAM = 0x2000_0000_0000;
const OTHER = 0x2100_0000_0000;
const RW = Prot.read | Prot.write;
const WAITS = { waits: "userfaultfd" };

function machine(pages = 2): Machine {
  const m = new Machine();
  m.mapAnon(RAM, pages * PAGE_SIZE);
  for (let page = 0; page < pages; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 10 + page);
  m.host.lru.drain();
  return m;
}

const pageout = (m: Machine, address: Hva = RAM) => ok(madvise(m.task, address, PAGE_SIZE, Madv.pageout));
const isThere = (m: Machine, address: Hva = RAM) => m.accesses(address, 1)[0] !== null;

describe("what is in swap", () => {
  test("goes with its mapping, and its slot is free again", () => {
    const m = machine();
    pageout(m);
    expect(m.host.swap.used()).toBe(1);
    ok(munmap(m.task, RAM, PAGE_SIZE));
    expect(m.host.swap.used()).toBe(0);
  });

  test("and is private, outlives the page of the file that it was copied from", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, 0));
    ok(ftruncate(m.task, fd, 2 * PAGE_SIZE));
    const args = { addr: RAM, length: 2 * PAGE_SIZE, prot: RW, fd, offset: 0 };
    ok(mmap(m.task, { ...args, flags: MapFlag.private | MapFlag.fixed }));
    hostAccess(m.task, RAM, 5);
    m.host.lru.drain();
    pageout(m);
    ok(fallocate(m.task, fd, FallocFlag.keepSize | FallocFlag.punchHole, 0, PAGE_SIZE));
    expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
    pageout(m);
    // Truncation takes it along.
    ok(ftruncate(m.task, fd, 0));
    expect(m.host.swap.used()).toBe(0);
  });

  test.each<[string, (m: Machine) => void]>([
    ["in swap", (m) => pageout(m)],
    ["on another node", (m) => movePages(m.task, RAM, 1, PAGE_SIZE, 1, 0)],
    [
      "without access for a while",
      (m) => {
        ok(mprotect(m.task, RAM, PAGE_SIZE, Prot.read));
        ok(mprotect(m.task, RAM, PAGE_SIZE, RW));
      },
    ],
  ])("stays write-protected by a userfaultfd: %s", (_where, go) => {
    for (const first of ["protect", "go"]) {
      const m = machine();
      const fd = watch(m, RAM, 2 * PAGE_SIZE, UffdRegister.wp);
      const protect = () => ok(uffdioWriteprotect(m.task, fd, RAM, PAGE_SIZE, UffdWriteprotect.wp));
      if (first === "protect") protect();
      go(m);
      if (first === "go") protect();
      expect(hostAccess(m.task, RAM, 1)).toEqual(WAITS);
      expect(hostAccess(m.task, RAM)).toEqual({ value: 10 });
      expect(hostAccess(m.task, RAM, 1)).toEqual(WAITS);
      ok(uffdioWriteprotect(m.task, fd, RAM, PAGE_SIZE, 0));
      expect(hostAccess(m.task, RAM, 1)).toEqual({ value: 1 });
    }
  });
});

describe("reclaim leaves a page where it is", () => {
  test("that another mapping has locked", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, 0));
    ok(ftruncate(m.task, fd, PAGE_SIZE));
    const args = { length: PAGE_SIZE, prot: RW, flags: MapFlag.shared | MapFlag.fixed, fd, offset: 0 };
    for (const addr of [RAM, OTHER]) ok(mmap(m.task, { ...args, addr }));
    ok(mlock(m.task, RAM, PAGE_SIZE));
    hostAccess(m.task, OTHER, 5);
    m.host.lru.drain();
    pageout(m, OTHER);
    expect(isThere(m)).toBe(true);
  });

  test("that MADV_FREE gave up, when it was written to since, or somebody holds it", () => {
    const m = machine(3);
    ok(madvise(m.task, RAM, 3 * PAGE_SIZE, Madv.free));
    hostAccess(m.task, RAM, 20);
    const held = getUserPage(m.task, RAM + PAGE_SIZE, { write: false }) as number;
    for (const page of [0, 1, 2]) pageout(m, RAM + page * PAGE_SIZE);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 20 });
    expect(m.accesses(RAM + PAGE_SIZE, 1)[0]!.pfn).toBe(held);
    expect(hostAccess(m.task, RAM + 2 * PAGE_SIZE)).toEqual({ value: 0 });
    m.host.frames.put(held);
  });

  test("that was written to after MADV_FREE, and then moved by UFFDIO_MOVE", () => {
    const m = machine();
    m.mapAnon(OTHER, PAGE_SIZE);
    const fd = watch(m, OTHER, PAGE_SIZE, UffdRegister.missing);
    ok(madvise(m.task, RAM, PAGE_SIZE, Madv.free));
    hostAccess(m.task, RAM, 20);
    ok(uffdioMove(m.task, fd, OTHER, RAM, PAGE_SIZE, 0));
    pageout(m, OTHER);
    expect(hostAccess(m.task, OTHER)).toEqual({ value: 20 });
  });
});

test("a page that is unmapped before it reached the LRU is free at once", () => {
  const m = new Machine();
  m.mapAnon(RAM, PAGE_SIZE);
  const used = m.used;
  hostAccess(m.task, RAM, 1);
  expect(m.used).toBe(used + 1);
  ok(munmap(m.task, RAM, PAGE_SIZE));
  expect(m.used).toBe(used);
});

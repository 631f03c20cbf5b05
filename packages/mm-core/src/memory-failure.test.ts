import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_SIZE } from "./addresses.js";
import { isRefusal, type Result } from "./errno.js";
import { pinUserPages } from "./gup.js";
import { hostAccess } from "./host-access.js";
import { ftruncate, MemfdFlag, memfdCreate } from "./syscalls/files.js";
import { Madv, madvise } from "./syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "./syscalls/mmap.js";
import { munmap } from "./syscalls/munmap.js";
import { Machine, ok } from "./testing/machine.js";

const RAM = 0x2000_0000_0000;
const SIGBUS = { signal: "SIGBUS", code: "BUS_MCEERR_AR" };
const page = (index: number): Hva => RAM + index * PAGE_SIZE;
const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : result);
const poison = (m: Machine, at: Hva) => madvise(m.task, at, PAGE_SIZE, Madv.hwpoison);
const sites = (m: Machine) =>
  m.notifier.take().map(({ site, start, end }) => [site, (start - RAM) / PAGE_SIZE, (end - RAM) / PAGE_SIZE]);

describe("memory failure in a transparent huge page", () => {
  function machine(): Machine {
    const m = new Machine();
    m.mapAnon(RAM, PMD_SIZE);
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    hostAccess(m.task, page(3), 7);
    hostAccess(m.task, page(4), 8);
    m.notifier.take();
    return m;
  }

  test("splits it, and takes only the one page", () => {
    const m = machine();
    expect(poison(m, page(3))).toBe(0);
    expect(sites(m)).toEqual([
      ["try_to_migrate_one", 0, 512],
      ["try_to_unmap_one", 3, 4],
    ]);
    expect([hostAccess(m.task, page(3)), hostAccess(m.task, page(4))]).toEqual([SIGBUS, { value: 8 }]);
  });

  test("mapped in small pieces loses the page already while it is split", () => {
    const m = machine();
    ok(munmap(m.task, page(511), PAGE_SIZE));
    m.notifier.take();
    expect(poison(m, page(3))).toBe(0);
    expect(sites(m).map(([site]) => site)).toEqual(["try_to_migrate_one"]);
    expect([hostAccess(m.task, page(3)), hostAccess(m.task, page(4))]).toEqual([SIGBUS, { value: 8 }]);
  });

  test("is not contained where the huge page cannot be split: it stays mapped", () => {
    const m = machine();
    pinUserPages(m.task, page(4), 1, { write: true, longterm: true });
    expect(errno(poison(m, page(3)))).toBe("EHWPOISON");
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
    expect([hostAccess(m.task, page(3)), hostAccess(m.task, page(4))]).toEqual([SIGBUS, { value: 8 }]);
  });
});

describe("memory failure in a huge page of hugetlb", () => {
  function machine(kind: number): Machine {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb));
    ok(ftruncate(m.task, fd, 2 * PMD_SIZE));
    const flags = kind | MapFlag.fixed;
    ok(mmap(m.task, { addr: RAM, length: 2 * PMD_SIZE, prot: Prot.read | Prot.write, flags, fd, offset: 0 }));
    hostAccess(m.task, page(3), 7);
    m.notifier.take();
    return m;
  }

  test.each([
    ["of the file: all of it is lost, and stays so", MapFlag.shared, 11],
    ["of one's own: all of it is lost, and it leaves the pool", MapFlag.private, 11],
  ])("%s", (_, kind, free) => {
    const m = machine(kind);
    expect(poison(m, page(3))).toBe(0);
    expect(sites(m)).toEqual([["try_to_unmap_one", 0, 512]]);
    expect([hostAccess(m.task, page(3)), hostAccess(m.task, page(9), 1)]).toEqual([SIGBUS, SIGBUS]);
    expect(hostAccess(m.task, RAM + PMD_SIZE, 1)).toEqual({ value: 1 });
    expect(m.host.hstates[0]!.freePages).toBe(free - 1);
    ok(munmap(m.task, RAM, PMD_SIZE));
  });

  test("of one's own leaves all but the lost page for other uses", () => {
    const m = machine(MapFlag.private);
    const used = m.used;
    expect(poison(m, page(3))).toBe(0);
    expect(m.used).toBe(used - 512);
    expect(errno(poison(m, page(3)))).toBe("EFAULT");
  });
});

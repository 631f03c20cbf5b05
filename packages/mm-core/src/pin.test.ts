import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_SIZE } from "./addresses.js";
import { isRefusal, type Result } from "./errno.js";
import { pinUserPages } from "./gup.js";
import { hostAccess } from "./host-access.js";
import { ksmRun } from "./ksm/scan.js";
import { taskNumaWork } from "./numa/scan.js";
import { isMaybeDmaPinned, unpinUserPage } from "./pin.js";
import { ftruncate, MemfdFlag, memfdCreate } from "./syscalls/files.js";
import { fork } from "./syscalls/fork.js";
import { PinLongtermFlag, pinLongtermTestStart, pinLongtermTestStop } from "./syscalls/gup-test.js";
import { Madv, madvise } from "./syscalls/madvise.js";
import { movePages } from "./syscalls/migrate.js";
import { MapFlag, mmap, Prot } from "./syscalls/mmap.js";
import { mprotect } from "./syscalls/mprotect.js";
import { munmap } from "./syscalls/munmap.js";
import { Machine, ok } from "./testing/machine.js";

const RAM = 0x2000_0000_0000;
const OTHER = 0x2100_0000_0000;
const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : result);
const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);
const frameAt = (m: Machine, at: Hva) => m.accesses(at, 1)[0]?.pfn;

function pinned(m: Machine, at: Hva, pages = 1, write = true): number[] {
  const found = pinUserPages(m.task, at, pages, { write, longterm: true });
  if (typeof found === "string") throw new Error(found);
  m.notifier.take();
  return [...found];
}

function anon(pages = 1): Machine {
  const m = new Machine();
  m.mapAnon(RAM, pages * PAGE_SIZE);
  for (let page = 0; page < pages; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 7);
  m.host.lru.drain();
  return m;
}

describe("a page that is pinned to be read", () => {
  // Of a huge page the first one alone says that it is the process's own: any other of it was asked in vain, for ever.
  test("may be any page of a huge one", () => {
    const m = new Machine();
    const args = { length: PMD_SIZE, prot: Prot.read | Prot.write, fd: -1, offset: 0 };
    const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
    ok(mmap(m.task, { ...args, addr: RAM, flags: flags | MapFlag.hugetlb }));
    ok(mmap(m.task, { ...args, addr: OTHER, flags }));
    ok(madvise(m.task, OTHER, PMD_SIZE, Madv.hugepage));
    hostAccess(m.task, OTHER, 1);
    ok(mprotect(m.task, OTHER, PMD_SIZE, Prot.read));
    for (const at of [RAM, OTHER]) {
      const [page] = pinned(m, at + 3 * PAGE_SIZE, 1, false);
      expect(frameAt(m, at + 3 * PAGE_SIZE)).toBe(page);
      unpinUserPage(m.host.frames, page!);
    }
  });
});

describe("a pinned page", () => {
  test("stays when its mapping goes, and is free once it is given back", () => {
    const m = anon();
    const used = m.used;
    const [page] = pinned(m, RAM);
    ok(munmap(m.task, RAM, PAGE_SIZE));
    expect(m.used).toBe(used);
    unpinUserPage(m.host.frames, page!);
    expect(m.used).toBe(used - 1);
  });

  test("does not migrate, though the notifier of the attempt is raised", () => {
    const m = anon();
    const [page] = pinned(m, RAM);
    expect(movePages(m.task, RAM, 1, PAGE_SIZE, 1, 0)).toMatchObject({ failed: 1 });
    expect(sites(m)).toContain("try_to_migrate_one");
    expect(frameAt(m, RAM)).toBe(page);
    unpinUserPage(m.host.frames, page!);
    expect(movePages(m.task, RAM, 1, PAGE_SIZE, 1, 0)).toMatchObject({ failed: 0 });
    expect(frameAt(m, RAM)).not.toBe(page);
  });

  test("is not swapped out, and no notifier is raised for it", () => {
    const m = anon();
    pinned(m, RAM);
    ok(madvise(m.task, RAM, PAGE_SIZE, Madv.pageout));
    expect(sites(m)).toEqual([]);
    expect(m.host.swap.used()).toBe(0);
  });

  test("of a memfd is unmapped by reclaim all the same, but stays in the file", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, 0));
    ok(ftruncate(m.task, fd, PAGE_SIZE));
    const flags = MapFlag.shared | MapFlag.fixed;
    ok(mmap(m.task, { addr: RAM, length: PAGE_SIZE, prot: Prot.read | Prot.write, flags, fd, offset: 0 }));
    hostAccess(m.task, RAM, 5);
    const [page] = pinned(m, RAM);
    ok(madvise(m.task, RAM, PAGE_SIZE, Madv.pageout));
    expect(sites(m)).toEqual(["try_to_unmap_one"]);
    expect(m.host.swap.used()).toBe(0);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
    expect(frameAt(m, RAM)).toBe(page);
  });

  test("gets no NUMA hints", () => {
    const m = anon(2);
    pinned(m, RAM);
    m.task.cpu.set(1);
    taskNumaWork(m.task, 1);
    expect(m.accesses(RAM, 2).map((access) => access === null)).toEqual([false, true]);
  });

  test("is not merged by KSM", () => {
    const m = anon(2);
    ok(madvise(m.task, RAM, 2 * PAGE_SIZE, Madv.mergeable));
    pinned(m, RAM);
    ksmRun(m.host, 3);
    expect(frameAt(m, RAM)).not.toBe(frameAt(m, RAM + PAGE_SIZE));
  });

  test("is copied by fork at once, and stays the parent's to write to", () => {
    const m = anon();
    const [page] = pinned(m, RAM);
    const child = fork(m.task);
    expect(hostAccess(m.task, RAM, 8)).toEqual({ value: 8 });
    expect(frameAt(m, RAM)).toBe(page);
    expect(hostAccess(child, RAM)).toEqual({ value: 7 });
  });

  test("that is only to be read is a page of one's own all the same", () => {
    const m = anon();
    const child = fork(m.task);
    const shared = frameAt(m, RAM);
    const [page] = pinned(m, RAM, 1, false);
    expect(page).not.toBe(shared);
    expect(frameAt(m, RAM)).toBe(page);
    hostAccess(m.task, RAM, 9);
    expect([m.host.frames.word.get(page!), hostAccess(child, RAM)]).toEqual([9, { value: 7 }]);
    // Zeros that nobody wrote are no page of one's own yet.
    m.mapAnon(OTHER, PAGE_SIZE);
    hostAccess(m.task, OTHER);
    expect(pinned(m, OTHER, 1, false)).not.toEqual([m.host.zeroPfn]);
  });
});

describe("a pinned huge page", () => {
  test("is not split, moved or collapsed from; fork maps it in small pieces and copies them", () => {
    const m = new Machine();
    m.mapAnon(RAM, PMD_SIZE);
    ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    hostAccess(m.task, RAM, 7);
    const [page] = pinned(m, RAM + PAGE_SIZE);
    expect(isMaybeDmaPinned(m.host.frames, page!)).toBe(true);
    expect(movePages(m.task, RAM, 1, PAGE_SIZE, 1, 0)).toMatchObject({ failed: 1 });
    m.notifier.take();
    const child = fork(m.task);
    expect(sites(m)).toEqual(["copy_page_range", "__split_huge_pmd"]);
    expect(frameAt(m, RAM + PAGE_SIZE)).toBe(page);
    expect([hostAccess(m.task, RAM, 8), hostAccess(child, RAM)]).toEqual([{ value: 8 }, { value: 7 }]);
    unpinUserPage(m.host.frames, page!);
    expect(isMaybeDmaPinned(m.host.frames, page!)).toBe(false);
  });

  test("of a private hugetlb mapping is copied by fork at once", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb));
    ok(ftruncate(m.task, fd, PMD_SIZE));
    const flags = MapFlag.private | MapFlag.fixed;
    ok(mmap(m.task, { addr: RAM, length: PMD_SIZE, prot: Prot.read | Prot.write, flags, fd, offset: 0 }));
    hostAccess(m.task, RAM, 7);
    const [page] = pinned(m, RAM);
    const child = fork(m.task);
    expect([hostAccess(m.task, RAM, 8), frameAt(m, RAM)]).toEqual([{ value: 8 }, page]);
    expect(hostAccess(child, RAM)).toEqual({ value: 7 });
  });
});

test("gup_test pins one range at a time, all of it or nothing", () => {
  const m = anon(2);
  const { frames } = m.host;
  expect(errno(pinLongtermTestStart(m.task, RAM, 3 * PAGE_SIZE, PinLongtermFlag.useWrite))).toBe("EFAULT");
  expect(isMaybeDmaPinned(frames, frameAt(m, RAM)!)).toBe(false);
  expect(errno(pinLongtermTestStart(m.task, RAM + 1, PAGE_SIZE, 0))).toBe("EINVAL");
  expect(errno(pinLongtermTestStart(m.task, RAM, PAGE_SIZE, 4))).toBe("EINVAL");
  expect(pinLongtermTestStart(m.task, RAM, 2 * PAGE_SIZE, PinLongtermFlag.useWrite)).toBe(0);
  expect(errno(pinLongtermTestStart(m.task, RAM, PAGE_SIZE, 0))).toBe("EINVAL");
  pinLongtermTestStop(m.host);
  expect(isMaybeDmaPinned(frames, frameAt(m, RAM)!)).toBe(false);
});

import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { pinUserPages } from "../gup.js";
import { hostAccess } from "../host-access.js";
import { leafAt } from "../leaf.js";
import { unpinUserPage } from "../pin.js";
import { PteFlag, pteHas, ptePfn } from "../pte.js";
import type { Task } from "../task.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { NotifierRecorder } from "../testing/notifier-recorder.js";
import { exit, fork } from "./fork.js";
import { Madv, madvise } from "./madvise.js";
import { movePages } from "./migrate.js";
import { mlock } from "./mlock.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { PageIs, pagemapScan } from "./pagemap-scan.js";
import { uffdioMove } from "./uffdio-fill.js";
import { UffdRegister, UffdWriteprotect, uffdioWriteprotect } from "./userfaultfd.js";

const RAM = 0x2000_0000_0000;
const OTHER = 0x2100_0000_0000;
const at = (page: number): Hva => RAM + page * PAGE_SIZE;

/** So many private pages, each with its number and 10 in it. */
function machine(pages = 2): Machine {
  const m = new Machine();
  m.mapAnon(RAM, pages * PAGE_SIZE);
  for (let page = 0; page < pages; page++) hostAccess(m.task, at(page), 10 + page);
  m.host.lru.drain();
  m.notifier.take();
  return m;
}

const isMapped = ({ mm }: Task, address: Hva) => {
  const leaf = leafAt(mm, address);
  return leaf !== null && pteHas(leaf.pte, PteFlag.valid);
};

const frameOf = ({ mm }: Task) => ptePfn(leafAt(mm, RAM)!.pte);

/** What the parent is told of while the child does something. */
function heardOf(m: Machine, act: () => void): readonly string[] {
  m.notifier.take();
  act();
  return m.notifier.take().map(({ site }) => site);
}

describe("a page that a child made for itself", () => {
  test("is looked for in the child alone", () => {
    const m = machine();
    const child = fork(m.task);
    hostAccess(child, RAM, 20);
    expect(heardOf(m, () => void ok(madvise(child, RAM, PAGE_SIZE, Madv.pageout)))).toEqual([]);
    expect(isMapped(child, RAM)).toBe(false);
  });

  test("or that it alone has left of what its parent had, as well", () => {
    const m = machine();
    const child = fork(m.task);
    ok(madvise(m.task, RAM, PAGE_SIZE, Madv.dontneed));
    const frame = frameOf(child);
    hostAccess(child, RAM, 20);
    expect(frameOf(child)).toBe(frame);
    expect(heardOf(m, () => void ok(madvise(child, RAM, PAGE_SIZE, Madv.pageout)))).toEqual([]);
    expect(isMapped(child, RAM)).toBe(false);
  });
});

describe("a child inherits", () => {
  test("guard pages, over generations, and where nothing else is", () => {
    const m = new Machine();
    const flags = MapFlag.shared | MapFlag.anonymous | MapFlag.fixed;
    const args = { addr: RAM, length: 4 * PAGE_SIZE, fd: -1, offset: 0 };
    ok(mmap(m.task, { ...args, prot: Prot.read | Prot.write, flags }));
    ok(madvise(m.task, at(2), PAGE_SIZE, Madv.guardInstall));
    const grandchild = fork(fork(m.task));
    expect(hostAccess(grandchild, at(2))).toMatchObject({ signal: "SIGSEGV" });
  });

  test("no lock: what its parent has locked can be paged out of it", () => {
    const m = machine();
    ok(mlock(m.task, RAM, PAGE_SIZE));
    const child = fork(m.task);
    hostAccess(child, RAM, 20);
    expect(madvise(child, RAM, PAGE_SIZE, Madv.pageout)).toBe(0);
    expect(isMapped(child, RAM)).toBe(false);
    expect(madvise(m.task, RAM, PAGE_SIZE, Madv.pageout)).toMatchObject({ errno: "EINVAL" });
  });

  test("no write protection by a userfaultfd that is its parent's", () => {
    const m = machine();
    const fd = watch(m, RAM, 2 * PAGE_SIZE, UffdRegister.wp);
    ok(uffdioWriteprotect(m.task, fd, RAM, 2 * PAGE_SIZE, UffdWriteprotect.wp));
    ok(madvise(m.task, at(1), PAGE_SIZE, Madv.pageout));
    const child = fork(m.task);
    const written = (task: Task) =>
      pagemapScan(task, {
        start: RAM,
        length: PAGE_SIZE,
        flags: 0,
        categoryMask: PageIs.written,
        returnMask: PageIs.written,
        vecLen: 4,
      });
    expect([written(m.task), written(child)]).toEqual([0, 1]);
    expect(hostAccess(child, at(1), 3)).toEqual({ value: 3 });
    expect(hostAccess(m.task, at(1), 3)).toEqual({ waits: "userfaultfd" });
  });
});

describe("what is shared since a fork", () => {
  test("is not moved by UFFDIO_MOVE, mapped or in swap, swapped out before the fork or after", () => {
    const m = machine(4);
    m.mapAnon(OTHER, 4 * PAGE_SIZE);
    const fd = watch(m, OTHER, 4 * PAGE_SIZE, UffdRegister.missing);
    ok(madvise(m.task, at(1), PAGE_SIZE, Madv.pageout));
    const child = fork(m.task);
    ok(madvise(m.task, at(2), PAGE_SIZE, Madv.pageout));
    for (const page of [0, 1, 2])
      expect(uffdioMove(m.task, fd, OTHER + page * PAGE_SIZE, at(page), PAGE_SIZE, 0)).toMatchObject({
        errno: "EBUSY",
      });
    for (const page of [0, 1, 2, 3]) expect(hostAccess(child, at(page))).toEqual({ value: 10 + page });
  });

  test("stops UFFDIO_MOVE of several pages where it comes to it", () => {
    const m = machine(4);
    m.mapAnon(OTHER, 4 * PAGE_SIZE);
    const fd = watch(m, OTHER, 4 * PAGE_SIZE, UffdRegister.missing);
    fork(m.task);
    for (const page of [0, 1, 3]) hostAccess(m.task, at(page), 20 + page);
    m.host.lru.drain();
    expect(uffdioMove(m.task, fd, OTHER, RAM, 4 * PAGE_SIZE, 0)).toMatchObject({ errno: "EAGAIN" });
    expect([0, 1, 2, 3].map((page) => isMapped(m.task, at(page)))).toEqual([false, false, true, true]);
  });

  test("and pinned to be read, is a copy that still may not be written to without a fault", () => {
    const m = machine();
    fork(m.task);
    const shared = m.accesses(RAM, 1)[0]!.pfn;
    const [pfn] = pinUserPages(m.task, RAM, 1, { write: false, longterm: true }) as number[];
    expect(pfn).not.toBe(shared);
    expect(m.accesses(RAM, 1)[0]).toEqual({ pfn, write: false });
    unpinUserPage(m.host.frames, pfn!);
  });

  test.each([
    ["private hugetlb", MapFlag.hugetlb],
    ["a transparent huge page", 0],
  ])("of %s, and pinned to be read, is a copy", (_kind, flag) => {
    const m = new Machine();
    const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed | flag;
    ok(mmap(m.task, { addr: RAM, length: PMD_SIZE, prot: Prot.read | Prot.write, flags, fd: -1, offset: 0 }));
    if (flag === 0) ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
    hostAccess(m.task, RAM, 1);
    const child = fork(m.task);
    const [pfn] = pinUserPages(m.task, RAM, 1, { write: false, longterm: true }) as number[];
    expect(frameOf(child)).not.toBe(pfn);
    unpinUserPage(m.host.frames, pfn!);
  });

  test("and held by somebody else, is not written to in place when the child has gone", () => {
    const m = machine();
    const child = fork(m.task);
    exit(child);
    const { pfn } = m.accesses(RAM, 1)[0]!;
    m.host.frames.get(pfn);
    hostAccess(m.task, RAM, 30);
    expect(m.accesses(RAM, 1)[0]!.pfn).not.toBe(pfn);
    expect(m.host.frames.word.get(pfn)).toBe(10);
    m.host.frames.put(pfn);
  });

  test("and held by somebody else, does not migrate", () => {
    const m = machine();
    const { pfn } = m.accesses(RAM, 1)[0]!;
    m.host.frames.get(pfn);
    expect(movePages(m.task, RAM, 1, PAGE_SIZE, 1, 0)).toMatchObject({ failed: 1 });
    expect(m.accesses(RAM, 1)[0]!.pfn).toBe(pfn);
    m.host.frames.put(pfn);
  });
});

test("a large page that small entries map is written to in place only where nobody else holds it", () => {
  const m = new Machine();
  m.mapAnon(RAM, PMD_SIZE);
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
  hostAccess(m.task, RAM, 1);
  m.host.lru.drain();
  // Small entries, by a child that takes a part of it away and ends.
  const child = fork(m.task);
  ok(madvise(m.task, at(511), PAGE_SIZE, Madv.dontneed));
  exit(child);
  const frames = m.accesses(RAM, 3).map((access) => access!.pfn);
  hostAccess(m.task, at(1), 2);
  expect(m.accesses(at(1), 1)[0]!.pfn).toBe(frames[1]);
  m.host.frames.get(frames[2]!);
  hostAccess(m.task, at(2), 3);
  expect(m.accesses(at(2), 1)[0]!.pfn).not.toBe(frames[2]);
  m.host.frames.put(frames[2]!);
});

test("a listener of the child hears of what is done in the child", () => {
  const m = machine();
  const child = fork(m.task);
  const own = new NotifierRecorder(m.store);
  child.mm.notifiers.set([own]);
  expect(heardOf(m, () => void ok(madvise(child, RAM, PAGE_SIZE, Madv.dontneed)))).toEqual([]);
  expect(own.ranges.map(({ site }) => site)).toEqual(["zap_vma_range_batched"]);
});

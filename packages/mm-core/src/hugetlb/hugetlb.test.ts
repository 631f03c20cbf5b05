import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_PAGES, PMD_SIZE, PUD_SIZE } from "../addresses.js";
import { isRefusal, type Result } from "../errno.js";
import { hostAccess } from "../host-access.js";
import { leafAt } from "../leaf.js";
import { ptePfn } from "../pte.js";
import { FallocFlag } from "../shmem.js";
import { close, fallocate, ftruncate, MemfdFlag, memfdCreate } from "../syscalls/files.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { MapFlag, mmap, Prot } from "../syscalls/mmap.js";
import { mprotect } from "../syscalls/mprotect.js";
import { MremapFlag, mremap } from "../syscalls/mremap.js";
import { munmap } from "../syscalls/munmap.js";
import type { Task } from "../task.js";
import { Machine, ok, untold } from "../testing/machine.js";
import { NotifierRecorder } from "../testing/notifier-recorder.js";

const RAM = 0x2000_0000_0000;
const RW = Prot.read | Prot.write;
const HUGE_2MB = 21 * 2 ** 26;
const HUGE_1GB = 30 * 2 ** 26;

function mapHuge(task: Task, addr: Hva, length: number, kind: number, extra = HUGE_2MB): Result<Hva> {
  const flags = kind | MapFlag.anonymous | MapFlag.hugetlb | MapFlag.fixed | extra;
  return mmap(task, { addr, length, prot: RW, flags, fd: -1, offset: 0 });
}

function mapFile(task: Task, addr: Hva, length: number, fd: number, kind: number): Result<Hva> {
  return mmap(task, { addr, length, prot: RW, flags: kind | MapFlag.fixed, fd, offset: 0 });
}

const sites = (m: Machine) => m.notifier.take().map(({ site, start, end }) => [site, start - RAM, end - RAM]);
const pool = (m: Machine) => [m.host.hstates[0]!.freePages, m.host.hstates[0]!.reservedPages];
const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : result);

describe("a mapping of huge pages", () => {
  test("is promised its pages, takes them when it is touched, and gives them back", () => {
    const m = new Machine();
    expect(pool(m)).toEqual([12, 0]);
    ok(mapHuge(m.task, RAM, 2 * PMD_SIZE, MapFlag.private));
    expect(pool(m)).toEqual([12, 2]);
    hostAccess(m.task, RAM + PAGE_SIZE, 5);
    expect(pool(m)).toEqual([11, 1]);
    expect([m.sizes(RAM, 1), m.sizes(RAM + PMD_SIZE, 1)]).toEqual([[PMD_SIZE], [0]]);
    expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 5 });
    munmap(m.task, RAM, 2 * PMD_SIZE);
    expect(pool(m)).toEqual([12, 0]);
  });

  test("is refused where more is promised than there is, unless it wants no promise", () => {
    const m = new Machine();
    expect(errno(mapHuge(m.task, RAM, 13 * PMD_SIZE, MapFlag.private))).toBe("ENOMEM");
    ok(mapHuge(m.task, RAM, 13 * PMD_SIZE, MapFlag.private | MapFlag.noreserve));
    for (let page = 0; page < 12; page++)
      expect(hostAccess(m.task, RAM + page * PMD_SIZE, 1)).toEqual({ value: 1 });
    expect(hostAccess(m.task, RAM + 12 * PMD_SIZE, 1)).toEqual({ signal: "SIGBUS", code: "BUS_ADRERR" });
    munmap(m.task, RAM, 13 * PMD_SIZE);
    expect(pool(m)).toEqual([12, 0]);
  });

  test("takes pages of 1 GiB where there are some", () => {
    const m = new Machine({ nodes: 1, nodeSize: 2 * PUD_SIZE, hugetlb1G: 1 });
    ok(mapHuge(m.task, RAM, PUD_SIZE, MapFlag.shared, HUGE_1GB));
    hostAccess(m.task, RAM + 300 * PMD_SIZE, 3);
    expect(m.sizes(RAM + PUD_SIZE - PAGE_SIZE, 1)).toEqual([PUD_SIZE]);
    expect(m.task.mm.vmas.peek()[0]!.pageSize).toBe(PUD_SIZE);
    munmap(m.task, RAM, PUD_SIZE);
    expect(m.host.hstates[1]!.freePages).toBe(1);
  });

  test("can be cut at the edges of huge pages only", () => {
    const m = new Machine();
    ok(mapHuge(m.task, RAM, 2 * PMD_SIZE, MapFlag.shared));
    hostAccess(m.task, RAM, 1);
    expect(errno(munmap(m.task, RAM + PAGE_SIZE, PAGE_SIZE))).toBe("EINVAL");
    expect(errno(mprotect(m.task, RAM, PAGE_SIZE, Prot.read))).toBe("EINVAL");
    expect(errno(madvise(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Madv.dontneed))).toBe("EINVAL");
    expect(m.notifier.take()).toEqual([]);
    expect(munmap(m.task, RAM + PMD_SIZE, PMD_SIZE)).toBe(0);
    expect(sites(m)).toEqual([["unmap_vmas", PMD_SIZE, 2 * PMD_SIZE]]);
  });

  test("has addresses and offsets aligned to them", () => {
    const m = new Machine();
    expect(errno(mapHuge(m.task, RAM + PAGE_SIZE, PMD_SIZE, MapFlag.shared))).toBe("EINVAL");
    const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb + HUGE_2MB));
    expect(errno(ftruncate(m.task, fd, PAGE_SIZE))).toBe("EINVAL");
    const args = {
      addr: RAM,
      length: PMD_SIZE,
      prot: RW,
      flags: MapFlag.shared | MapFlag.fixed,
      fd,
      offset: PAGE_SIZE,
    };
    expect(errno(mmap(m.task, args))).toBe("EINVAL");
    expect(errno(memfdCreate(m.task, MemfdFlag.hugetlb + 22 * 2 ** 26))).toBe("ENODEV");
    expect(pool(m)).toEqual([12, 0]);
  });

  test("is told of mprotect over all of it, mapped or not", () => {
    const m = new Machine();
    ok(mapHuge(m.task, RAM, 2 * PMD_SIZE, MapFlag.shared));
    mprotect(m.task, RAM, 2 * PMD_SIZE, Prot.read);
    expect(sites(m)).toEqual([["hugetlb_change_protection", 0, 2 * PMD_SIZE]]);
  });

  test("moves by whole pages, and does not grow", () => {
    const m = new Machine();
    ok(mapHuge(m.task, RAM, PMD_SIZE, MapFlag.private));
    hostAccess(m.task, RAM, 9);
    const to = RAM + 2 ** 33;
    const move = {
      oldAddress: RAM,
      oldSize: PMD_SIZE,
      newSize: PMD_SIZE,
      flags: MremapFlag.mayMove | MremapFlag.fixed,
      newAddress: to,
    };
    expect(
      errno(mremap(m.task, { ...move, newSize: 2 * PMD_SIZE, flags: MremapFlag.mayMove, newAddress: 0 })),
    ).toBe("EINVAL");
    expect(mremap(m.task, move)).toBe(to);
    expect(sites(m)).toEqual([
      ["move_hugetlb_page_tables", 0, PMD_SIZE],
      ["unmap_vmas", 0, PMD_SIZE],
    ]);
    expect(hostAccess(m.task, to)).toEqual({ value: 9 });
    expect(pool(m)).toEqual([11, 0]);
    munmap(m.task, to, PMD_SIZE);
    expect(pool(m)).toEqual([12, 0]);
  });
});

describe("a file of huge pages", () => {
  test("is shared by its mappings, and its pages go with it", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb + HUGE_2MB));
    ftruncate(m.task, fd, 2 * PMD_SIZE);
    const other = RAM + 2 ** 33;
    ok(mapFile(m.task, RAM, 2 * PMD_SIZE, fd, MapFlag.shared));
    ok(mapFile(m.task, other, 2 * PMD_SIZE, fd, MapFlag.private));
    hostAccess(m.task, RAM, 4);
    expect(hostAccess(m.task, other)).toEqual({ value: 4 });
    hostAccess(m.task, other, 5);
    expect(sites(m).at(-1)![0]).toBe("hugetlb_wp");
    expect([hostAccess(m.task, RAM), hostAccess(m.task, other)]).toEqual([{ value: 4 }, { value: 5 }]);
    close(m.task, fd);
    munmap(m.task, RAM, 2 * PMD_SIZE);
    munmap(m.task, other, 2 * PMD_SIZE);
    expect(pool(m)).toEqual([12, 0]);
  });

  test("loses whole pages to a hole, and has parts of them zeroed", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb + HUGE_2MB));
    ftruncate(m.task, fd, 2 * PMD_SIZE);
    ok(mapFile(m.task, RAM, 2 * PMD_SIZE, fd, MapFlag.shared));
    for (const page of [0, 1, 2, 512]) hostAccess(m.task, RAM + page * PAGE_SIZE, 8);
    const punch = FallocFlag.keepSize | FallocFlag.punchHole;
    expect(fallocate(m.task, fd, punch, PAGE_SIZE, PAGE_SIZE)).toBe(0);
    expect(m.notifier.take()).toEqual([]);
    expect([0, 1, 2].map((page) => hostAccess(m.task, RAM + page * PAGE_SIZE))).toEqual([
      { value: 8 },
      { value: 0 },
      { value: 8 },
    ]);
    expect(fallocate(m.task, fd, punch, PMD_SIZE, PMD_SIZE)).toBe(0);
    expect(sites(m)).toEqual([["unmap_hugepage_range", PMD_SIZE, 2 * PMD_SIZE]]);
    expect(hostAccess(m.task, RAM + PMD_SIZE)).toEqual({ value: 0 });
    ftruncate(m.task, fd, PMD_SIZE);
    expect(hostAccess(m.task, RAM + PMD_SIZE)).toEqual({ signal: "SIGBUS", code: "BUS_ADRERR" });
  });

  test("takes the pages that fallocate asks for, of those that are promised to it", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb + HUGE_2MB));
    expect(fallocate(m.task, fd, 0, 0, 3 * PMD_SIZE)).toBe(0);
    expect(pool(m)).toEqual([9, 0]);
    expect(errno(fallocate(m.task, fd, 0, 0, 13 * PMD_SIZE))).toBe("ENOSPC");
    close(m.task, fd);
    expect(pool(m)).toEqual([12, 0]);
  });
});

describe("fork", () => {
  test("leaves a private mapping's pages to both, and the parent's write copies", () => {
    const m = new Machine();
    ok(mapHuge(m.task, RAM, PMD_SIZE, MapFlag.private));
    hostAccess(m.task, RAM, 1);
    const child = fork(m.task);
    expect(sites(m)).toEqual([["copy_hugetlb_page_range", 0, PMD_SIZE]]);
    hostAccess(m.task, RAM, 2);
    expect(sites(m)).toEqual([["hugetlb_wp", 0, PMD_SIZE]]);
    expect([hostAccess(m.task, RAM), hostAccess(child, RAM)]).toEqual([{ value: 2 }, { value: 1 }]);
    exit(child);
    munmap(m.task, RAM, PMD_SIZE);
    expect(pool(m)).toEqual([12, 0]);
  });

  test("leaves the parent its page where the pool has none for a copy, and takes it from the child, which gets none any more", () => {
    const m = new Machine({ hugetlb2M: 1 });
    ok(mapHuge(m.task, RAM, PMD_SIZE, MapFlag.private));
    hostAccess(m.task, RAM, 1);
    const child = fork(m.task);
    const listener = new NotifierRecorder(m.store);
    child.mm.notifiers.set([listener]);
    m.notifier.take();
    hostAccess(m.task, RAM, 2);
    expect(m.notifier.take()).toEqual([]);
    expect(listener.take()).toMatchObject([
      { site: "unmap_hugepage_range", start: RAM, end: RAM + PMD_SIZE },
    ]);
    expect([hostAccess(m.task, RAM), hostAccess(child, RAM)]).toMatchObject([
      { value: 2 },
      { signal: "SIGBUS" },
    ]);
    exit(child);
    munmap(m.task, RAM, PMD_SIZE);
    expect(pool(m)).toEqual([1, 0]);
  });

  test("raises nothing over a shared one, whose pages both write", () => {
    const m = new Machine();
    ok(mapHuge(m.task, RAM, PMD_SIZE, MapFlag.shared));
    hostAccess(m.task, RAM, 1);
    const child = fork(m.task);
    expect(m.notifier.take()).toEqual([]);
    hostAccess(child, RAM, 2);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 2 });
  });
});

const PAGES = 4;
const page = fc.nat(PAGES - 1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("write" as const), page, value: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("read" as const), page }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constantFrom("munmap", "private", "dontneed", "readonly", "writable", "fork", "exit"),
      page,
    }),
  },
);

describe("any sequence of calls on private huge pages", () => {
  test("agrees with a table of values, tells before it takes, and keeps its promises", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const m = new Machine();
        ok(mapHuge(m.task, RAM, PAGES * PMD_SIZE, MapFlag.private));
        const values = new Map<number, number>();
        const prots = new Array<number>(PAGES).fill(RW);
        const children: Task[] = [];
        const first = (at: number) => RAM + at * PMD_SIZE;
        let before = m.accesses(RAM, PAGES * PMD_PAGES);
        for (const now of steps) {
          const at = now.page;
          const address = first(at);
          if (now.op === "write" || now.op === "read") {
            const write = now.op === "write" ? now.value : undefined;
            const prot = prots[at]!;
            if (write !== undefined && prot === RW) values.set(at, write);
            const expected =
              prot === -1
                ? { signal: "SIGSEGV", code: "SEGV_MAPERR" }
                : (prot & (write === undefined ? Prot.read : Prot.write)) === 0
                  ? { signal: "SIGSEGV", code: "SEGV_ACCERR" }
                  : { value: values.get(at) ?? 0 };
            expect(hostAccess(m.task, address + 7 * PAGE_SIZE, write)).toEqual(expected);
          } else if (now.op === "fork") {
            // More copies than the pool has pages are another story.
            if (children.length === 0) children.push(fork(m.task));
          } else if (now.op === "exit") {
            const child = children.pop();
            if (child !== undefined) exit(child);
          } else if (now.op === "munmap") {
            munmap(m.task, address, PMD_SIZE);
            prots[at] = -1;
            values.delete(at);
          } else if (now.op === "private") {
            ok(mapHuge(m.task, address, PMD_SIZE, MapFlag.private));
            prots[at] = RW;
            values.delete(at);
          } else if (prots[at] !== -1) {
            if (now.op === "dontneed") {
              madvise(m.task, address, PMD_SIZE, Madv.dontneed);
              values.delete(at);
            } else {
              prots[at] = now.op === "readonly" ? Prot.read : RW;
              mprotect(m.task, address, PMD_SIZE, prots[at]);
            }
          }
          const after = m.accesses(RAM, PAGES * PMD_PAGES);
          expect(untold(before, after, RAM, m.notifier.take())).toBeUndefined();
          before = after;
          const hstate = m.host.hstates[0]!;
          expect(hstate.reservedPages).toBeGreaterThanOrEqual(0);
          expect(hstate.freePages).toBeGreaterThanOrEqual(hstate.reservedPages);
        }
        for (const child of children) exit(child);
        munmap(m.task, RAM, PAGES * PMD_SIZE);
        expect(pool(m)).toEqual([12, 0]);
      }),
      { numRuns: 200 },
    );
  }, 120_000);
});

test("a huge page in the pool keeps nothing of what was in it", () => {
  const m = new Machine();
  ok(mapHuge(m.task, RAM, PMD_SIZE, MapFlag.private));
  hostAccess(m.task, RAM, 6);
  const folio = ptePfn(leafAt(m.task.mm, RAM)!.pte);
  munmap(m.task, RAM, PMD_SIZE);
  ok(mapHuge(m.task, RAM, PMD_SIZE, MapFlag.private));
  expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  expect(ptePfn(leafAt(m.task.mm, RAM)!.pte)).toBe(folio);
});

import { describe, expect, test } from "vitest";
import { type Hva, PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { isRefusal, type Result } from "../errno.js";
import { pinUserPages } from "../gup.js";
import { hostAccess } from "../host-access.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { mlock } from "../syscalls/mlock.js";
import { Prot } from "../syscalls/mmap.js";
import { mprotect } from "../syscalls/mprotect.js";
import { UffdMove, uffdioMove } from "../syscalls/uffdio-fill.js";
import { UffdRegister } from "../syscalls/userfaultfd.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";

const RAM = 0x2000_0000_0000;
const SOURCE = 0x2100_0000_0000;
const page = (base: Hva, index: number): Hva => base + index * PAGE_SIZE;
const errno = (result: Result<unknown>) => (isRefusal(result) ? result.errno : result);
const sites = (m: Machine) => m.notifier.take().map(({ site, start, end }) => [site, start, end]);

/** {@link RAM} asks a userfaultfd for pages; {@link SOURCE} holds 11, 12, 13, ... where it was touched. */
function machine(pages: number, touched: readonly number[], huge = false): { m: Machine; fd: number } {
  const m = new Machine({ hugetlb2M: 0 });
  for (const base of [RAM, SOURCE]) {
    m.mapAnon(base, pages * PAGE_SIZE);
    if (huge) ok(madvise(m.task, base, pages * PAGE_SIZE, Madv.hugepage));
  }
  for (const index of touched) hostAccess(m.task, page(SOURCE, index), 11 + index);
  const fd = watch(m, RAM, pages * PAGE_SIZE, UffdRegister.missing);
  m.notifier.take();
  return { m, fd };
}

describe("UFFDIO_MOVE", () => {
  test("moves pages without a copy, and tells of the source, all that is left of it, each time it sets out", () => {
    const { m, fd } = machine(4, [0, 1, 2, 3]);
    const frames = m.accesses(SOURCE, 4).map((access) => access?.pfn);
    const used = m.used;
    expect(uffdioMove(m.task, fd, RAM, SOURCE, 4 * PAGE_SIZE, 0)).toBe(0);
    expect(sites(m)).toEqual([["move_pages_ptes", SOURCE, page(SOURCE, 4)]]);
    expect(m.accesses(RAM, 4).map((access) => access?.pfn)).toEqual(frames);
    expect(m.accesses(SOURCE, 4)).toEqual([null, null, null, null]);
    expect(hostAccess(m.task, page(RAM, 2))).toEqual({ value: 13 });
    expect(hostAccess(m.task, page(SOURCE, 2))).toEqual({ value: 0 });
    expect(m.used - used).toBeLessThanOrEqual(1);
    // Where the pages are now, they are found by reverse mapping.
    ok(madvise(m.task, RAM, 4 * PAGE_SIZE, Madv.pageout));
    expect(hostAccess(m.task, page(RAM, 2))).toEqual({ value: 13 });
  });

  test("stops at a hole, or passes over it where that is allowed", () => {
    const { m, fd } = machine(4, [0, 2]);
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE, 4 * PAGE_SIZE, 0))).toBe("EAGAIN");
    expect(errno(uffdioMove(m.task, fd, page(RAM, 1), page(SOURCE, 1), PAGE_SIZE, 0))).toBe("ENOENT");
    expect(uffdioMove(m.task, fd, page(RAM, 1), page(SOURCE, 1), 3 * PAGE_SIZE, UffdMove.allowSrcHoles)).toBe(
      0,
    );
    expect([hostAccess(m.task, RAM), hostAccess(m.task, page(RAM, 2))]).toEqual([
      { value: 11 },
      { value: 13 },
    ]);
    expect(hostAccess(m.task, page(RAM, 3))).toEqual({ waits: "userfaultfd" });
  });

  test("moves what is in swap, and the zero page", () => {
    const { m, fd } = machine(3, [0, 2]);
    ok(madvise(m.task, SOURCE, PAGE_SIZE, Madv.pageout));
    hostAccess(m.task, page(SOURCE, 1));
    expect(uffdioMove(m.task, fd, RAM, SOURCE, 3 * PAGE_SIZE, 0)).toBe(0);
    expect([0, 1, 2].map((index) => hostAccess(m.task, page(RAM, index)))).toEqual([
      { value: 11 },
      { value: 0 },
      { value: 13 },
    ]);
  });

  test("does not move what others may read, or a device write to", () => {
    const { m, fd } = machine(4, [0, 1]);
    const child = fork(m.task);
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE, PAGE_SIZE, 0))).toBe("EBUSY");
    exit(child);
    hostAccess(m.task, SOURCE, 1);
    expect(typeof pinUserPages(m.task, SOURCE, 1, { write: true, longterm: true })).toBe("object");
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE, PAGE_SIZE, 0))).toBe("EBUSY");
    hostAccess(m.task, page(SOURCE, 1), 1);
    ok(uffdioMove(m.task, fd, page(RAM, 1), page(SOURCE, 1), PAGE_SIZE, 0));
    expect(errno(uffdioMove(m.task, fd, page(RAM, 1), page(SOURCE, 1), PAGE_SIZE, 0))).toBe("EEXIST");
  });

  test("is refused between mappings that differ, and where the target has no userfaultfd", () => {
    const { m, fd } = machine(4, [0]);
    expect(errno(uffdioMove(m.task, fd, SOURCE, RAM, PAGE_SIZE, 0))).toBe("EINVAL");
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE - PAGE_SIZE, PAGE_SIZE, 0))).toBe("ENOENT");
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE, 5 * PAGE_SIZE, 0))).toBe("EINVAL");
    ok(mlock(m.task, SOURCE, PAGE_SIZE));
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE, PAGE_SIZE, 0))).toBe("EINVAL");
    ok(mprotect(m.task, page(SOURCE, 1), PAGE_SIZE, Prot.read));
    expect(errno(uffdioMove(m.task, fd, RAM, page(SOURCE, 1), PAGE_SIZE, 0))).toBe("EINVAL");
  });
});

describe("UFFDIO_MOVE of a huge page", () => {
  const whole = 2 * PMD_PAGES;

  test("moves it as a whole where it can stand", () => {
    const { m, fd } = machine(whole, [3], true);
    expect(uffdioMove(m.task, fd, RAM, SOURCE, PMD_SIZE, 0)).toBe(0);
    expect(sites(m)).toEqual([["move_pages_huge_pmd", SOURCE, SOURCE + PMD_SIZE]]);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
    expect(hostAccess(m.task, page(RAM, 3))).toEqual({ value: 14 });
  });

  test("moves the huge zero page", () => {
    const { m, fd } = machine(whole, [], true);
    hostAccess(m.task, SOURCE);
    expect(uffdioMove(m.task, fd, RAM, SOURCE, PMD_SIZE, 0)).toBe(0);
    expect(sites(m).map(([site]) => site)).toEqual(["move_pages_huge_pmd"]);
    expect(hostAccess(m.task, RAM, 4)).toEqual({ value: 4 });
  });

  test("splits it where only a part moves", () => {
    const { m, fd } = machine(whole, [3], true);
    expect(uffdioMove(m.task, fd, page(RAM, 3), page(SOURCE, 3), PAGE_SIZE, 0)).toBe(0);
    expect(sites(m).map(([site]) => site)).toEqual([
      "__split_huge_pmd",
      "move_pages_ptes",
      "try_to_migrate_one",
    ]);
    expect(hostAccess(m.task, page(RAM, 3))).toEqual({ value: 14 });
    expect(hostAccess(m.task, page(SOURCE, 3))).toEqual({ value: 0 });
    expect(hostAccess(m.task, page(SOURCE, 4), 5)).toEqual({ value: 5 });
  });

  test("is refused while it is pinned, and where a huge page stands", () => {
    const { m, fd } = machine(whole, [3], true);
    pinUserPages(m.task, SOURCE, 1, { write: true, longterm: true });
    expect(errno(uffdioMove(m.task, fd, RAM, SOURCE, PMD_SIZE, 0))).toBe("EBUSY");
    hostAccess(m.task, SOURCE + PMD_SIZE, 1);
    ok(uffdioMove(m.task, fd, RAM + PMD_SIZE, SOURCE + PMD_SIZE, PMD_SIZE, 0));
    expect(errno(uffdioMove(m.task, fd, RAM + PMD_SIZE, SOURCE, PMD_SIZE, 0))).toBe("EEXIST");
  });
});

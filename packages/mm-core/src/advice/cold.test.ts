import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { leafAt } from "../leaf.js";
import { PteFlag, pteHas } from "../pte.js";
import { exit, fork } from "../syscalls/fork.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { Machine, ok } from "../testing/machine.js";

const RAM = 0x2000_0000_0000;

/** A huge page with something in three of its pages: 10, 14 and 15. */
function hugePage(swapSize?: number): Machine {
  const m = new Machine(swapSize === undefined ? {} : { swapSize });
  m.mapAnon(RAM, PMD_SIZE);
  madvise(m.task, RAM, PMD_SIZE, Madv.hugepage);
  for (const page of [0, 4, 5]) hostAccess(m.task, RAM + page * PAGE_SIZE, 10 + page);
  expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
  return m;
}

const sites = (m: Machine) =>
  m.notifier.take().map(({ site, start, end }) => [site, (start - RAM) / PAGE_SIZE, (end - RAM) / PAGE_SIZE]);

describe("MADV_PAGEOUT of a huge page", () => {
  test("writes all of it to swap under one notifier, and small pages come back", () => {
    const m = hugePage();
    madvise(m.task, RAM, PMD_SIZE, Madv.pageout);
    expect(sites(m)).toEqual([["try_to_unmap_one", 0, PMD_PAGES]]);
    expect(m.host.swap.used()).toBe(PMD_PAGES);
    expect([hostAccess(m.task, RAM), hostAccess(m.task, RAM + 5 * PAGE_SIZE)]).toEqual([
      { value: 10 },
      { value: 15 },
    ]);
    expect([m.accesses(RAM, 2), m.host.swap.used()]).toEqual([[expect.anything(), null], PMD_PAGES - 2]);
  });

  test("splits it first where only a part is meant, and takes that", () => {
    const m = hugePage();
    madvise(m.task, RAM + 4 * PAGE_SIZE, 2 * PAGE_SIZE, Madv.pageout);
    expect(sites(m)).toEqual([
      ["try_to_migrate_one", 0, PMD_PAGES],
      ["try_to_unmap_one", 4, 5],
      ["try_to_unmap_one", 5, 6],
    ]);
    expect(m.host.swap.used()).toBe(2);
    expect([hostAccess(m.task, RAM), hostAccess(m.task, RAM + 5 * PAGE_SIZE)]).toEqual([
      { value: 10 },
      { value: 15 },
    ]);
  });

  test("splits it where swap has no room for all of it in one piece, and fills what there is", () => {
    const m = hugePage(2 * PAGE_SIZE);
    madvise(m.task, RAM, PMD_SIZE, Madv.pageout);
    // Pages of zeros are mapped to the zero page when a huge page is split.
    expect(sites(m)).toEqual([
      ["try_to_migrate_one", 0, PMD_PAGES],
      ["try_to_unmap_one", 0, 1],
      ["try_to_unmap_one", 5, 6],
    ]);
    expect([m.host.swap.used(), hostAccess(m.task, RAM)]).toEqual([2, { value: 10 }]);
  });

  test("drops what MADV_FREE gave up in one piece, unless it was written to since", () => {
    const m = hugePage();
    madvise(m.task, RAM, PMD_SIZE, Madv.free);
    m.notifier.take();
    madvise(m.task, RAM, PMD_SIZE, Madv.pageout);
    expect([sites(m), m.host.swap.used()]).toEqual([[["try_to_unmap_one", 0, PMD_PAGES]], 0]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });

    const written = hugePage();
    madvise(written.task, RAM, PMD_SIZE, Madv.free);
    hostAccess(written.task, RAM, 9);
    madvise(written.task, RAM, PMD_SIZE, Madv.pageout);
    expect([written.host.swap.used(), written.sizes(RAM, 1)]).toEqual([0, [PMD_SIZE]]);
    // It counts as any other page from then on.
    madvise(written.task, RAM, PMD_SIZE, Madv.pageout);
    expect([written.host.swap.used(), hostAccess(written.task, RAM)]).toEqual([PMD_PAGES, { value: 9 }]);
  });

  test("leaves alone what a child maps too", () => {
    const m = hugePage();
    const child = ok(fork(m.task));
    m.notifier.take();
    madvise(m.task, RAM, PMD_SIZE, Madv.pageout);
    expect([sites(m), m.sizes(RAM, 1)]).toEqual([[], [PMD_SIZE]]);
    exit(child);
  });
});

test("MADV_COLD of a part of a huge page splits it, and makes only that part old", () => {
  const m = hugePage();
  const young = (page: number) => pteHas(leafAt(m.task.mm, RAM + page * PAGE_SIZE)!.pte, PteFlag.young);
  madvise(m.task, RAM, 5 * PAGE_SIZE, Madv.cold);
  expect(sites(m)).toEqual([["try_to_migrate_one", 0, PMD_PAGES]]);
  expect([young(0), young(4), young(5)]).toEqual([false, false, true]);
});

test("MADV_FREE of a part of a huge page splits it, and gives up only that part", () => {
  const m = hugePage();
  madvise(m.task, RAM, 5 * PAGE_SIZE, Madv.free);
  expect(sites(m)).toEqual([
    ["madvise_free_single_vma", 0, 5],
    ["try_to_migrate_one", 0, PMD_PAGES],
  ]);
  madvise(m.task, RAM, PMD_SIZE, Madv.pageout);
  expect(m.host.swap.used()).toBe(1);
  expect([0, 4, 5].map((page) => hostAccess(m.task, RAM + page * PAGE_SIZE))).toEqual([
    { value: 0 },
    { value: 0 },
    { value: 15 },
  ]);
});

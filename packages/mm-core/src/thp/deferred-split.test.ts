import { expect, test } from "vitest";
import { PAGE_SIZE, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Madv, madvise } from "../syscalls/madvise.js";
import { dropCaches } from "../syscalls/reclaim.js";
import { writeFile } from "../syscalls/write-file.js";
import { Machine, ok } from "../testing/machine.js";

const RAM = 0x2000_0000_0000;

/** A huge page, with something in its first two pages. */
function hugePage(): Machine {
  const m = new Machine();
  m.mapAnon(RAM, PMD_SIZE);
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
  for (const page of [0, 1]) hostAccess(m.task, RAM + page * PAGE_SIZE, 5 + page);
  m.notifier.take();
  return m;
}

const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);

test("drop_caches splits a huge page of which a part was unmapped, and frees that part", () => {
  const m = hugePage();
  const { used } = m;
  ok(dropCaches(m.host, 3));
  expect([sites(m), m.sizes(RAM, 1)]).toEqual([[], [PMD_SIZE]]);
  ok(madvise(m.task, RAM + PAGE_SIZE, PMD_SIZE - PAGE_SIZE, Madv.dontneed));
  m.notifier.take();
  ok(dropCaches(m.host, 1));
  expect([sites(m), m.used]).toEqual([[], used]);
  ok(dropCaches(m.host, 2));
  expect([sites(m), m.used]).toEqual([["try_to_migrate_one"], used - PMD_PAGES + 1]);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
});

test("drop_caches splits a huge page that holds more zeros than max_ptes_none allows, and zeros go", () => {
  const m = hugePage();
  const { used } = m;
  ok(writeFile(m.host, "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none", "509"));
  ok(dropCaches(m.host, 2));
  expect([sites(m), m.used]).toEqual([["try_to_migrate_one"], used - PMD_PAGES + 2]);
  expect([0, 1, 2].map((page) => hostAccess(m.task, RAM + page * PAGE_SIZE))).toEqual([
    { value: 5 },
    { value: 6 },
    { value: 0 },
  ]);
});

import { expect, test, vi } from "vitest";
import { PAGE_SIZE } from "./addresses.js";
import { lruGenAge } from "./ageing/lru-gen.js";
import { hostAccess } from "./host-access.js";
import { Table } from "./page-table.js";
import { fork } from "./syscalls/fork.js";
import { Madv, madvise } from "./syscalls/madvise.js";
import { Machine, ok } from "./testing/machine.js";

const RAM = 0x2000_0000_0000;
const LENGTH = 2 ** 40;
const TOUCHED = 10;
const STRIDE = 97 * 2 ** 30;
/** A table has 512 entries, and each page that was touched has two tables of its own: some visits for each. */
const MOST_VISITS = TOUCHED * 2 * 512 * 8;

/** 1 TiB, of which ten pages were touched, far from each other. */
function machine(): Machine {
  const m = new Machine({ hugetlb2M: 0 });
  m.mapAnon(RAM, LENGTH);
  ok(madvise(m.task, RAM, LENGTH, Madv.nohugepage));
  for (let page = 0; page < TOUCHED; page++) hostAccess(m.task, RAM + page * STRIDE, page);
  return m;
}

test.each<[string, (m: Machine) => unknown]>([
  ["fork", (m) => fork(m.task)],
  ["MADV_FREE", (m) => ok(madvise(m.task, RAM, LENGTH, Madv.free))],
  ["MADV_COLD", (m) => ok(madvise(m.task, RAM, LENGTH, Madv.cold))],
  ["MADV_PAGEOUT", (m) => ok(madvise(m.task, RAM, LENGTH, Madv.pageout))],
  ["ageing by the multi-generational LRU", (m) => lruGenAge(m.task.mm, 0)],
])("%s of 1 TiB looks at the tables of what was touched, and not at the rest", (_name, act) => {
  const m = machine();
  const visits = [vi.spyOn(Table.prototype, "get"), vi.spyOn(Table.prototype, "child")];
  act(m);
  const count = visits.reduce((sum, { mock }) => sum + mock.calls.length, 0);
  vi.restoreAllMocks();
  expect(count).toBeGreaterThan(TOUCHED);
  expect(count).toBeLessThan(MOST_VISITS);
  for (let page = 0; page < TOUCHED; page++) {
    expect(hostAccess(m.task, RAM + page * STRIDE)).toEqual({ value: page });
  }
  expect(m.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
});

import { expect, test } from "vitest";
import { PAGE_SIZE, PMD_SIZE } from "./addresses.js";
import { compactRange } from "./compaction.js";
import { getUserPage } from "./gup.js";
import { hostAccess } from "./host-access.js";
import { unpinUserPage } from "./pin.js";
import { Madv, madvise } from "./syscalls/madvise.js";
import { mlock } from "./syscalls/mlock.js";
import { MapFlag, mmap, Prot } from "./syscalls/mmap.js";
import { Machine, ok } from "./testing/machine.js";

const RAM = 0x2000_0000_0000;
const LENGTH = 4 * PAGE_SIZE;

function touched(): Machine {
  const m = new Machine();
  m.mapAnon(RAM, LENGTH);
  for (let page = 0; page < 4; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 10 + page);
  m.notifier.take();
  return m;
}

const words = (m: Machine) =>
  [0, 1, 2, 3]
    .map((page) => hostAccess(m.task, RAM + page * PAGE_SIZE))
    .map((access) => "value" in access && access.value);

test("every page moves, under a notifier, and keeps its contents", () => {
  const m = touched();
  expect(compactRange(m.task, RAM, RAM + LENGTH)).toBe(4);
  expect(m.notifier.take().map(({ site }) => site)).toEqual(Array(4).fill("try_to_migrate_one"));
  expect(words(m)).toEqual([10, 11, 12, 13]);
});

test("a pinned page is left alone, without a notifier, until it is unpinned", () => {
  const m = touched();
  const pfn = getUserPage(m.task, RAM, { write: true, pin: true, longterm: true }) as number;
  expect(compactRange(m.task, RAM, RAM + LENGTH)).toBe(3);
  expect(m.notifier.take().map(({ start }) => (start - RAM) / PAGE_SIZE)).toEqual([1, 2, 3]);
  unpinUserPage(m.host.frames, pfn);
  expect(compactRange(m.task, RAM, RAM + PAGE_SIZE)).toBe(1);
});

test("huge pages stay where they are, transparent ones and those of hugetlb; locked pages move", () => {
  const m = new Machine();
  m.mapAnon(RAM, PMD_SIZE);
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed | MapFlag.hugetlb;
  const hugetlb = { addr: RAM + PMD_SIZE, length: PMD_SIZE, prot: Prot.read | Prot.write, flags };
  ok(mmap(m.task, { ...hugetlb, fd: -1, offset: 0 }));
  for (const address of [RAM, RAM + PMD_SIZE]) hostAccess(m.task, address, 1);
  expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
  expect([compactRange(m.task, RAM, RAM + 2 * PMD_SIZE), m.notifier.take()]).toEqual([0, []]);
  const locked = touched();
  ok(mlock(locked.task, RAM, LENGTH));
  expect(compactRange(locked.task, RAM, RAM + LENGTH)).toBe(4);
});

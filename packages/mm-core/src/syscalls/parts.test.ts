import { expect, test } from "vitest";
import { PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Machine, ok } from "../testing/machine.js";
import { ftruncate, MemfdFlag, memfdCreate } from "./files.js";
import { Madv, madvise } from "./madvise.js";
import { mlock, munlock } from "./mlock.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { mprotect } from "./mprotect.js";

const RAM = 0x2000_0000_0000;
const OTHER = 0x2100_0000_0000;
const RW = Prot.read | Prot.write;

test("mprotect of a part of a huge page leaves the rest of it writable", () => {
  const m = new Machine();
  m.mapAnon(RAM, PMD_SIZE);
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.hugepage));
  hostAccess(m.task, RAM, 1);
  ok(mprotect(m.task, RAM, PAGE_SIZE, Prot.read));
  expect(m.accesses(RAM, 3).map((access) => access!.write)).toEqual([false, true, true]);
  expect(m.sizes(RAM, 1)).toEqual([PAGE_SIZE]);
});

test("a write to a private mapping of a hugetlb file, of a page that it alone maps, is not the file's", () => {
  const m = new Machine();
  const fd = ok(memfdCreate(m.task, MemfdFlag.hugetlb));
  ok(ftruncate(m.task, fd, PMD_SIZE));
  const args = { length: PMD_SIZE, prot: RW, fd, offset: 0 };
  ok(mmap(m.task, { ...args, addr: RAM, flags: MapFlag.shared | MapFlag.fixed }));
  hostAccess(m.task, RAM, 5);
  ok(madvise(m.task, RAM, PMD_SIZE, Madv.dontneed));
  ok(mmap(m.task, { ...args, addr: OTHER, flags: MapFlag.private | MapFlag.fixed }));
  expect(hostAccess(m.task, OTHER)).toEqual({ value: 5 });
  hostAccess(m.task, OTHER, 6);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
  expect(hostAccess(m.task, OTHER)).toEqual({ value: 6 });
});

test("munlock of a part lets that part be paged out, and no other", () => {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  ok(mlock(m.task, RAM, 2 * PAGE_SIZE));
  ok(munlock(m.task, RAM, PAGE_SIZE));
  expect(madvise(m.task, RAM, PAGE_SIZE, Madv.pageout)).toBe(0);
  expect(madvise(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Madv.pageout)).toMatchObject({ errno: "EINVAL" });
});

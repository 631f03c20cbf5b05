import { expect, test } from "vitest";
import { PAGE_SIZE } from "./addresses.js";
import { hostAccess } from "./host-access.js";
import { exit, fork } from "./syscalls/fork.js";
import { Madv, madvise } from "./syscalls/madvise.js";
import { mbind } from "./syscalls/mempolicy.js";
import { MapFlag, mmap, Prot } from "./syscalls/mmap.js";
import { mprotect } from "./syscalls/mprotect.js";
import { MremapFlag, mremap } from "./syscalls/mremap.js";
import { mseal } from "./syscalls/mseal.js";
import { munmap } from "./syscalls/munmap.js";
import { UffdRegister } from "./syscalls/userfaultfd.js";
import { Machine } from "./testing/machine.js";
import { watch } from "./testing/watch.js";

const RAM = 0x2000_0000_0000;
const RW = Prot.read | Prot.write;

/** The mappings, as pages relative to RAM. */
function mappings(m: Machine): readonly (readonly [number, number])[] {
  return m.task.mm.vmas.peek().map((vma) => {
    const { start, end } = vma.peek();
    return [(start - RAM) / PAGE_SIZE, (end - RAM) / PAGE_SIZE];
  });
}

test("neighbouring anonymous mappings of one kind are one mapping", () => {
  const m = new Machine();
  m.mapAnon(RAM, 4 * PAGE_SIZE);
  m.mapAnon(RAM + 8 * PAGE_SIZE, 4 * PAGE_SIZE);
  m.mapAnon(RAM + 4 * PAGE_SIZE, 4 * PAGE_SIZE);
  expect(mappings(m)).toEqual([[0, 12]]);
});

test("mprotect of a part cuts the mapping, and back again joins it", () => {
  const m = new Machine();
  m.mapAnon(RAM, 8 * PAGE_SIZE);
  mprotect(m.task, RAM + 2 * PAGE_SIZE, 2 * PAGE_SIZE, Prot.read);
  expect(mappings(m)).toEqual([
    [0, 2],
    [2, 4],
    [4, 8],
  ]);
  mprotect(m.task, RAM + 2 * PAGE_SIZE, 2 * PAGE_SIZE, RW);
  expect(mappings(m)).toEqual([[0, 8]]);
});

test("mappings with pages of different anon_vmas stay apart", () => {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  m.mapAnon(RAM + 3 * PAGE_SIZE, 2 * PAGE_SIZE);
  hostAccess(m.task, RAM, 1);
  hostAccess(m.task, RAM + 3 * PAGE_SIZE, 1);
  m.mapAnon(RAM + 2 * PAGE_SIZE, PAGE_SIZE);
  expect(mappings(m)).toEqual([
    [0, 3],
    [3, 5],
  ]);
});

test("mappings with equal policies are joined, with others not", () => {
  const m = new Machine();
  m.mapAnon(RAM, 4 * PAGE_SIZE);
  mbind(m.task, RAM, PAGE_SIZE, "MPOL_BIND", 0, [1], 0);
  expect(mappings(m)).toEqual([
    [0, 1],
    [1, 4],
  ]);
  mbind(m.task, RAM + PAGE_SIZE, 3 * PAGE_SIZE, "MPOL_BIND", 0, [1], 0);
  expect(mappings(m)).toEqual([[0, 4]]);
});

test("a sealed mapping is neither unmapped nor protected in part", () => {
  const m = new Machine();
  m.mapAnon(RAM, 4 * PAGE_SIZE);
  mseal(m.task, RAM + PAGE_SIZE, PAGE_SIZE, 0);
  expect(munmap(m.task, RAM, 4 * PAGE_SIZE)).toMatchObject({ errno: "EPERM" });
  expect(mprotect(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Prot.read)).toMatchObject({ errno: "EPERM" });
  expect(mappings(m)).toEqual([
    [0, 1],
    [1, 2],
    [2, 4],
  ]);
  expect(munmap(m.task, RAM, PAGE_SIZE)).toBe(0);
});

test("a child's mapping leads to the parent's pages, and is not joined with one that does not", () => {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  hostAccess(m.task, RAM, 1);
  const child = fork(m.task);
  const [copy] = child.mm.vmas.peek();
  expect(copy!.anonChain.peek()).toHaveLength(2);
  exit(child);
  expect(copy!.anonChain.peek().every((anon) => !anon.mappings.peek().includes(copy!))).toBe(true);
});

test("a mapping that takes in another finds its pages, and keeps its guard pages for children", () => {
  const m = new Machine();
  m.mapAnon(RAM, 3 * PAGE_SIZE);
  mprotect(m.task, RAM, PAGE_SIZE, Prot.read);
  hostAccess(m.task, RAM + PAGE_SIZE, 1);
  m.host.lru.drain();
  mprotect(m.task, RAM, PAGE_SIZE, RW);
  expect(mappings(m)).toEqual([[0, 3]]);
  madvise(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Madv.pageout);
  expect(m.accesses(RAM + PAGE_SIZE, 1)).toEqual([null]);
});

test("guard pages stay with their part of a mapping that is cut, and with the whole of one that is joined", () => {
  for (const joined of [false, true]) {
    const m = new Machine();
    const flags = MapFlag.shared | MapFlag.anonymous | MapFlag.fixed;
    mmap(m.task, { addr: RAM, length: 3 * PAGE_SIZE, prot: RW, flags, fd: -1, offset: 0 });
    if (joined) mprotect(m.task, RAM, PAGE_SIZE, Prot.read);
    madvise(m.task, RAM + 2 * PAGE_SIZE, PAGE_SIZE, Madv.guardInstall);
    mprotect(m.task, RAM, PAGE_SIZE, joined ? RW : Prot.read);
    expect(mappings(m)).toHaveLength(joined ? 1 : 2);
    const child = fork(m.task);
    expect(hostAccess(child, RAM + 2 * PAGE_SIZE)).toMatchObject({ signal: "SIGSEGV" });
  }
});

test("mappings of which each has pages of its own are not joined when they become alike", () => {
  const m = new Machine();
  m.mapAnon(RAM, PAGE_SIZE);
  hostAccess(m.task, RAM, 1);
  const args = { addr: RAM + PAGE_SIZE, length: PAGE_SIZE, fd: -1, offset: 0 };
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  mmap(m.task, { ...args, prot: RW | Prot.exec, flags });
  hostAccess(m.task, RAM + PAGE_SIZE, 2);
  mprotect(m.task, RAM + PAGE_SIZE, PAGE_SIZE, RW);
  expect(mappings(m)).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

test("a mapping that a child has from its parent is not joined with a new one", () => {
  const m = new Machine();
  m.mapAnon(RAM, PAGE_SIZE);
  hostAccess(m.task, RAM, 1);
  const child = fork(m.task);
  const flags = MapFlag.private | MapFlag.anonymous | MapFlag.fixed;
  mmap(child, { addr: RAM + PAGE_SIZE, length: PAGE_SIZE, prot: RW, flags, fd: -1, offset: 0 });
  expect(child.mm.vmas.peek()).toHaveLength(2);
});

test("a mapping that has moved is not joined with one that its pages do not continue", () => {
  const m = new Machine();
  m.mapAnon(RAM, PAGE_SIZE);
  m.mapAnon(RAM + 8 * PAGE_SIZE, PAGE_SIZE);
  hostAccess(m.task, RAM + 8 * PAGE_SIZE, 1);
  const flags = MremapFlag.mayMove | MremapFlag.fixed;
  const sizes = { oldSize: PAGE_SIZE, newSize: PAGE_SIZE };
  mremap(m.task, { ...sizes, oldAddress: RAM + 8 * PAGE_SIZE, newAddress: RAM + PAGE_SIZE, flags });
  expect(mappings(m)).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

test("mappings of two userfaultfds are not joined", () => {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  for (const page of [0, 1]) {
    watch(m, RAM + page * PAGE_SIZE, PAGE_SIZE, UffdRegister.missing);
  }
  expect(mappings(m)).toEqual([
    [0, 1],
    [1, 2],
  ]);
});

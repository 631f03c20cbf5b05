import { describe, expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Machine, ok } from "../testing/machine.js";
import { ftruncate, memfdCreate } from "./files.js";
import { exit, fork, vfork } from "./fork.js";
import { Madv, madvise } from "./madvise.js";
import { MapFlag, mmap, Prot } from "./mmap.js";
import { munmap } from "./munmap.js";

const RAM = 0x2000_0000_0000;

function machine(): Machine {
  const m = new Machine();
  m.mapAnon(RAM, 2 * PAGE_SIZE);
  hostAccess(m.task, RAM, 5);
  m.notifier.take();
  return m;
}

const sites = (m: Machine) => m.notifier.take().map(({ site }) => site);

describe("fork", () => {
  test("shares private pages, write-protected in both, until one writes", () => {
    const m = machine();
    const child = fork(m.task);
    expect(sites(m)).toEqual(["copy_page_range"]);
    expect(m.accesses(RAM, 1)[0]).toMatchObject({ write: false });
    expect(hostAccess(child, RAM, 6)).toEqual({ value: 6 });
    expect(sites(m)).toEqual([]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
    // The parent is the last one to have the page: it may write to it.
    const { pfn } = m.accesses(RAM, 1)[0]!;
    hostAccess(m.task, RAM, 7);
    expect(m.accesses(RAM, 1)[0]).toEqual({ pfn, write: true });
    expect(sites(m)).toEqual([]);
    exit(child);
  });

  test("raises nothing for what faults can bring back", () => {
    const m = new Machine();
    const fd = ok(memfdCreate(m.task, 0));
    ftruncate(m.task, fd, PAGE_SIZE);
    mmap(m.task, {
      addr: RAM,
      length: PAGE_SIZE,
      prot: Prot.read | Prot.write,
      flags: MapFlag.shared | MapFlag.fixed,
      fd,
      offset: 0,
    });
    hostAccess(m.task, RAM, 1);
    const child = fork(m.task);
    expect(sites(m)).toEqual([]);
    expect(hostAccess(child, RAM, 2)).toEqual({ value: 2 });
    expect(hostAccess(m.task, RAM)).toEqual({ value: 2 });
    exit(child);
  });

  test("leaves out what MADV_DONTFORK says, and empties what MADV_WIPEONFORK says", () => {
    const m = machine();
    hostAccess(m.task, RAM + PAGE_SIZE, 8);
    madvise(m.task, RAM, PAGE_SIZE, Madv.dontfork);
    madvise(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Madv.wipeonfork);
    const child = fork(m.task);
    expect(sites(m)).toEqual([]);
    expect(hostAccess(child, RAM)).toMatchObject({ signal: "SIGSEGV" });
    expect(hostAccess(child, RAM + PAGE_SIZE)).toEqual({ value: 0 });
    exit(child);
  });

  test("keeps guard pages, and swapped pages", () => {
    const m = machine();
    madvise(m.task, RAM, PAGE_SIZE, Madv.pageout);
    madvise(m.task, RAM + PAGE_SIZE, PAGE_SIZE, Madv.guardInstall);
    const child = fork(m.task);
    expect(hostAccess(child, RAM)).toEqual({ value: 5 });
    expect(hostAccess(child, RAM + PAGE_SIZE)).toMatchObject({ signal: "SIGSEGV" });
    expect(hostAccess(m.task, RAM)).toEqual({ value: 5 });
    exit(child);
    expect(m.host.swap.used()).toBe(0);
  });

  test("gives everything back when the child exits, whatever it unmapped before", () => {
    const m = machine();
    const used = m.used;
    const child = fork(m.task);
    hostAccess(child, RAM, 1);
    munmap(child, RAM, PAGE_SIZE);
    exit(child);
    m.host.lru.drain();
    expect(m.used).toBe(used);
  });
});

test("a child of vfork uses the parent's memory, which outlives it", () => {
  const m = machine();
  const child = vfork(m.task);
  hostAccess(child, RAM, 9);
  exit(child);
  expect(hostAccess(m.task, RAM)).toEqual({ value: 9 });
  expect(sites(m)).toEqual([]);
});

import { describe, expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { ksmRun } from "../ksm/scan.js";
import { Machine, ok } from "../testing/machine.js";
import { watch } from "../testing/watch.js";
import { Madv, madvise } from "./madvise.js";
import { mlock } from "./mlock.js";
import { MremapFlag, mremap } from "./mremap.js";
import { UffdRegister } from "./userfaultfd.js";

const RAM = 0x2000_0000_0000;
const AWAY = 0x2100_0000_0000;
const { mayMove, fixed, dontUnmap } = MremapFlag;

function machine(): Machine {
  const m = new Machine();
  m.mapAnon(RAM, 4 * PAGE_SIZE);
  for (let page = 0; page < 4; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 10 + page);
  m.notifier.take();
  return m;
}

const call = (
  m: Machine,
  oldSize: number,
  newSize: number,
  flags: number,
  newAddress = 0,
  oldAddress = RAM,
) =>
  mremap(m.task, {
    oldAddress,
    oldSize: oldSize * PAGE_SIZE,
    newSize: newSize * PAGE_SIZE,
    flags,
    newAddress,
  });

const raised = (m: Machine) =>
  m.notifier.take().map(({ site, start, end }) => [site, (start - RAM) / PAGE_SIZE, (end - RAM) / PAGE_SIZE]);

describe("mremap", () => {
  test("moves pages under a notifier, and unmaps what they leave under another", () => {
    const m = machine();
    expect(call(m, 4, 4, mayMove | fixed, AWAY)).toBe(AWAY);
    expect(raised(m)).toEqual([
      ["move_page_tables", 0, 4],
      ["unmap_vmas", 0, 4],
    ]);
    expect(hostAccess(m.task, AWAY + 3 * PAGE_SIZE)).toEqual({ value: 13 });
    expect(hostAccess(m.task, RAM)).toMatchObject({ signal: "SIGSEGV", code: "SEGV_MAPERR" });
  });

  test("with MREMAP_DONTUNMAP leaves an empty mapping behind", () => {
    const m = machine();
    const to = ok(call(m, 4, 4, mayMove | dontUnmap));
    expect(raised(m)).toEqual([["move_page_tables", 0, 4]]);
    expect(hostAccess(m.task, to)).toEqual({ value: 10 });
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
  });

  test("shrinks in place, and grows in place where there is room", () => {
    const m = machine();
    expect(call(m, 4, 2, 0)).toBe(RAM);
    expect(raised(m)).toEqual([["unmap_vmas", 2, 4]]);
    expect(call(m, 2, 8, 0)).toBe(RAM);
    expect(raised(m)).toEqual([]);
    expect(hostAccess(m.task, RAM + 7 * PAGE_SIZE)).toEqual({ value: 0 });
  });

  test("populates what a locked mapping grows by", () => {
    const m = machine();
    mlock(m.task, RAM, 4 * PAGE_SIZE);
    call(m, 4, 6, 0);
    expect(m.accesses(RAM + 4 * PAGE_SIZE, 2).every((access) => access !== null)).toBe(true);
  });

  test("moves when it may and cannot grow in place, and is refused when it may not", () => {
    const m = machine();
    m.mapAnon(RAM + 4 * PAGE_SIZE, PAGE_SIZE);
    expect(call(m, 2, 3, 0)).toMatchObject({ errno: "ENOMEM" });
    const to = ok(call(m, 2, 3, mayMove));
    expect(to).not.toBe(RAM);
    expect(hostAccess(m.task, to + PAGE_SIZE)).toEqual({ value: 11 });
  });

  test.each([
    ["unknown flags", 4, 4, 8, 0, "EINVAL"],
    ["a new size of 0", 4, 0, mayMove, 0, "EINVAL"],
    ["MREMAP_FIXED without MREMAP_MAYMOVE", 4, 4, fixed, AWAY, "EINVAL"],
    ["ranges that overlap", 4, 4, mayMove | fixed, RAM + PAGE_SIZE, "EINVAL"],
    ["MREMAP_DONTUNMAP with another size", 4, 5, mayMove | dontUnmap, 0, "EINVAL"],
    ["a private mapping to be duplicated", 0, 4, mayMove, 0, "EINVAL"],
    ["more than the mapping to grow", 5, 6, mayMove, 0, "EFAULT"],
  ])("refuses %s", (_what, oldSize, newSize, flags, to, errno) => {
    expect(call(machine(), oldSize, newSize, flags, to)).toMatchObject({ errno });
  });
});

test("what KSM has merged becomes copies before it moves, and merges again where it has come to", () => {
  const m = new Machine();
  m.mapAnon(RAM, 4 * PAGE_SIZE);
  for (let page = 0; page < 4; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 7);
  ok(madvise(m.task, RAM, 4 * PAGE_SIZE, Madv.mergeable));
  expect(ksmRun(m.host, 2)).toEqual({ pagesShared: 1, pagesSharing: 3 });
  m.notifier.take();
  ok(call(m, 2, 2, mayMove | fixed, AWAY));
  expect(raised(m)).toEqual([
    ["wp_page_copy", 0, 1],
    ["wp_page_copy", 1, 2],
    ["move_page_tables", 0, 2],
    ["unmap_vmas", 0, 2],
  ]);
  const frames = [...m.accesses(AWAY, 2), ...m.accesses(RAM + 2 * PAGE_SIZE, 2)].map((access) => access!.pfn);
  expect(new Set(frames).size).toBe(3);
  expect(ksmRun(m.host, 2)).toEqual({ pagesShared: 1, pagesSharing: 3 });
});

test("several mappings move one after the other, up to the first that has a userfaultfd", () => {
  for (const watched of [0, 2]) {
    const m = machine();
    for (const page of [0, 1, 2]) ok(mlock(m.task, RAM + page * PAGE_SIZE, PAGE_SIZE));
    watch(m, RAM + watched * PAGE_SIZE, PAGE_SIZE, UffdRegister.missing);
    expect(call(m, 4, 4, mayMove | fixed, AWAY)).toMatchObject({ errno: "EFAULT", fn: "remap_move" });
    const there = m.accesses(AWAY, 4).map((access) => access !== null);
    expect(there).toEqual([watched > 0, watched > 0, false, false]);
    expect(hostAccess(m.task, RAM + 3 * PAGE_SIZE)).toEqual({ value: 13 });
    // Alone it moves.
    expect(call(m, 1, 1, mayMove | fixed, AWAY, RAM + watched * PAGE_SIZE)).toBe(AWAY);
  }
});

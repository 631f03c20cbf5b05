import { describe, expect, test } from "vitest";
import { PAGE_SIZE, PMD_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Machine, ok } from "../testing/machine.js";
import { NotifierRecorder } from "../testing/notifier-recorder.js";
import { exit, fork } from "./fork.js";
import { Madv, madvise } from "./madvise.js";
import { type Iovec, processMadvise } from "./process-madvise.js";

const RAM = 0x2000_0000_0000;
const range = (page: number, pages: number): Iovec => ({
  base: RAM + page * PAGE_SIZE,
  length: pages * PAGE_SIZE,
});

/** A process with eight pages of its own, and another that looks after it. */
function machine() {
  const m = new Machine();
  m.mapAnon(RAM, PMD_SIZE);
  for (let page = 0; page < 8; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 10 + page);
  m.host.lru.drain();
  m.notifier.take();
  return { m, manager: m.host.spawn("manager") };
}

describe("process_madvise", () => {
  test("pages ranges of another process out, under its notifiers, and none of the caller's", () => {
    const { m, manager } = machine();
    const own = new NotifierRecorder(m.store);
    manager.mm.notifiers.set([own]);
    expect(processMadvise(manager, m.task.process, [range(0, 2), range(4, 1)], Madv.pageout, 0)).toBe(
      3 * PAGE_SIZE,
    );
    expect(m.notifier.take().map(({ site, start }) => [site, (start - RAM) / PAGE_SIZE])).toEqual([
      ["try_to_unmap_one", 0],
      ["try_to_unmap_one", 1],
      ["try_to_unmap_one", 4],
    ]);
    expect(own.ranges).toEqual([]);
    expect(m.accesses(RAM, 5).map((access) => access !== null)).toEqual([false, false, true, true, false]);
    expect(processMadvise(manager, m.task.process, [range(0, 2)], Madv.willneed, 0)).toBe(2 * PAGE_SIZE);
    expect(m.accesses(RAM, 2).map((access) => access !== null)).toEqual([true, true]);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 10 });
  });

  test("collapses another process's memory", () => {
    const { m, manager } = machine();
    const all = { base: RAM, length: PMD_SIZE };
    expect(processMadvise(manager, m.task.process, [all], Madv.collapse, 0)).toBe(PMD_SIZE);
    expect(m.sizes(RAM, 1)).toEqual([PMD_SIZE]);
    expect(hostAccess(m.task, RAM + 3 * PAGE_SIZE)).toEqual({ value: 13 });
  });

  test("takes any advice of the caller's own memory, but of another's only what destroys nothing", () => {
    const { m, manager } = machine();
    for (const advice of Object.values(Madv)) {
      const allowed = [Madv.cold, Madv.pageout, Madv.willneed, Madv.collapse] as readonly number[];
      const result = processMadvise(manager, m.task.process, [], advice, 0);
      if (allowed.includes(advice)) expect(result).toBe(0);
      else expect(result).toMatchObject({ errno: "EINVAL", fn: "process_madvise_remote_valid" });
    }
    expect(processMadvise(m.task, m.task.process, [range(0, 1)], Madv.dontneed, 0)).toBe(PAGE_SIZE);
    expect(hostAccess(m.task, RAM)).toEqual({ value: 0 });
    expect(processMadvise(m.task, m.task.process, [], 99, 0)).toMatchObject({ errno: "EINVAL" });
  });

  test("says how far it came before the range that failed, and why only if that is nowhere", () => {
    const { m, manager } = machine();
    const unaligned = { base: RAM + 1, length: PAGE_SIZE };
    const cold = (...ranges: Iovec[]) => processMadvise(manager, m.task.process, ranges, Madv.cold, 0);
    expect(cold(range(0, 2), unaligned, range(3, 1))).toBe(2 * PAGE_SIZE);
    expect(cold(unaligned, range(0, 2))).toMatchObject({ errno: "EINVAL", fn: "check_input_range" });
    expect(cold({ base: RAM, length: 2 * PMD_SIZE })).toMatchObject({ errno: "ENOMEM" });
  });

  test.each<[string, { ranges?: readonly Iovec[]; flags?: number }, string]>([
    ["flags", { flags: 1 }, "EINVAL"],
    ["too many ranges", { ranges: new Array<Iovec>(1025).fill(range(0, 0)) }, "EINVAL"],
    ["a negative length", { ranges: [{ base: RAM, length: 2 ** 63 }] }, "EINVAL"],
    [
      "a range beyond user space",
      { ranges: [{ base: 2 ** 52 - PAGE_SIZE, length: 2 * PAGE_SIZE }] },
      "EFAULT",
    ],
  ])("refuses %s", (_what, { ranges = [], flags = 0 }, errno) => {
    const { m, manager } = machine();
    expect(processMadvise(manager, m.task.process, ranges, Madv.cold, flags)).toMatchObject({ errno });
  });

  test("does not find a process that has exited, and does one that is a copy", () => {
    const { m, manager } = machine();
    const child = fork(m.task);
    expect(processMadvise(manager, child.process, [range(0, 1)], Madv.cold, 0)).toBe(PAGE_SIZE);
    exit(child);
    expect(processMadvise(manager, child.process, [range(0, 1)], Madv.cold, 0)).toMatchObject({
      errno: "ESRCH",
    });
    ok(madvise(m.task, RAM, PAGE_SIZE, Madv.cold));
  });
});

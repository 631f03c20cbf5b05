import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { PageFlag } from "../page-flags.js";
import { clearRefs } from "../syscalls/clear-refs.js";
import { MclFlag, mlock, mlockall, munlockall } from "../syscalls/mlock.js";
import { Machine, ok } from "../testing/machine.js";
import { damonPaMkold, damonPaYoung, damonVaMkold, damonVaYoung } from "./damon.js";
import { lruGenAge } from "./lru-gen.js";
import { pageIdleBitmapRead, pageIdleBitmapWrite } from "./page-idle.js";

const RAM = 0x2000_0000_0000;

/** A machine whose listener counts what it is asked. */
function machine(): { m: Machine; asked: string[] } {
  const m = new Machine();
  const asked: string[] = [];
  const page = (address: number) => (address - RAM) / PAGE_SIZE;
  m.notifier.clearYoung = (...range: unknown[]) => {
    const [start, end, site] = range as [number, number, string];
    asked.push(`${site} ${page(start)}-${page(end)}`);
    return false;
  };
  m.notifier.testYoung = (...at: unknown[]) => {
    const [address, site] = at as [number, string];
    asked.push(`${site} ${page(address)}`);
    return true;
  };
  m.mapAnon(RAM, 4 * PAGE_SIZE);
  hostAccess(m.task, RAM, 1);
  hostAccess(m.task, RAM + 2 * PAGE_SIZE, 1);
  m.host.lru.drain();
  return { m, asked };
}

test("an ageing walk asks for every page of the node, and for none of a locked mapping", () => {
  const { m, asked } = machine();
  lruGenAge(m.task.mm, 0);
  expect(asked.splice(0)).toEqual(["walk_pud_range 0-1", "walk_pud_range 2-3"]);
  lruGenAge(m.task.mm, 1);
  mlock(m.task, RAM, 4 * PAGE_SIZE);
  lruGenAge(m.task.mm, 0);
  expect(asked).toEqual([]);
});

test("DAMON asks the secondary MMU only where the page table does not know", () => {
  const { m, asked } = machine();
  damonVaMkold(m.task.mm, RAM);
  damonVaMkold(m.task.mm, RAM + PAGE_SIZE);
  expect(damonVaYoung(m.task.mm, RAM)).toBe(true);
  expect(asked.splice(0)).toEqual(["damon_ptep_mkold 0-1", "damon_young_pmd_entry 0"]);
  hostAccess(m.task, RAM);
  expect(damonVaYoung(m.task.mm, RAM)).toBe(true);
  expect(asked).toEqual([]);
});

test("DAMON finds a frame through its reverse mappings", () => {
  const { m, asked } = machine();
  const { pfn } = m.accesses(RAM + 2 * PAGE_SIZE, 1)[0]!;
  damonPaMkold(m.host, pfn);
  expect(damonPaYoung(m.host, pfn)).toBe(true);
  expect(asked).toEqual(["damon_ptep_mkold 2-3", "damon_folio_young_one 2"]);
});

test("clear_refs 4 invalidates the whole address space, and 1 to 3 nothing", () => {
  const { m } = machine();
  m.notifier.take();
  for (const value of [1, 2, 3]) clearRefs(m.task, value);
  expect(m.notifier.take()).toEqual([]);
  clearRefs(m.task, 4);
  expect(m.notifier.take()).toMatchObject([{ site: "clear_refs_write", start: 0, event: "SOFT_DIRTY" }]);
  expect(clearRefs(m.task, 6)).toMatchObject({ errno: "EINVAL" });
});

test("page_idle: a page is idle until an access, and whoever maps it is asked each time", () => {
  const { m, asked } = machine();
  const { frames } = m.host;
  const [first, , third] = m.accesses(RAM, 3).map((access) => access?.pfn ?? 0);
  expect(pageIdleBitmapRead(m.host, first!)).toBe(false);
  expect(asked.splice(0)).toEqual([]);
  pageIdleBitmapWrite(m.host, [first!, third!]);
  expect(asked.splice(0)).toEqual(["page_idle_clear_pte_refs_one 0-1", "page_idle_clear_pte_refs_one 2-3"]);
  hostAccess(m.task, RAM);
  expect([pageIdleBitmapRead(m.host, first!), pageIdleBitmapRead(m.host, third!)]).toEqual([false, true]);
  m.notifier.clearYoung = () => true;
  expect(pageIdleBitmapRead(m.host, third!)).toBe(false);
  expect(frames.test(third!, PageFlag.idle)).toBe(false);
});

test("munlockall unlocks what mlockall locked, and what would have been", () => {
  const { m, asked } = machine();
  ok(mlockall(m.task, MclFlag.current | MclFlag.future));
  lruGenAge(m.task.mm, 0);
  expect(asked.splice(0)).toEqual([]);
  ok(munlockall(m.task));
  expect(m.task.mm.defFlags.peek()).toBe(0);
  lruGenAge(m.task.mm, 0);
  expect(asked.splice(0)).toHaveLength(4);
});

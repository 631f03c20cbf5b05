import { expect, test } from "vitest";
import { PAGE_SIZE } from "../addresses.js";
import { hostAccess } from "../host-access.js";
import { Machine } from "../testing/machine.js";
import { damonPaMkold, damonVaMkold } from "./damon.js";
import { type DamosScheme, damosPa, damosVa } from "./damos.js";

const RAM = 0x2000_0000_0000;
const END = RAM + 3 * PAGE_SIZE;

/** Three pages: the first was used since DAMON looked, by the processor; the second by the secondary MMU, if that is so. */
function machine(isSecondYoung: boolean): Machine & { readonly asked: string[] } {
  const m = Object.assign(new Machine(), { asked: [] as string[] });
  m.mapAnon(RAM, 3 * PAGE_SIZE);
  for (let page = 0; page < 3; page++) hostAccess(m.task, RAM + page * PAGE_SIZE, 10 + page);
  m.host.lru.drain();
  for (let page = 0; page < 3; page++) damonVaMkold(m.task.mm, RAM + page * PAGE_SIZE);
  hostAccess(m.task, RAM);
  m.notifier.testYoung = (...at: unknown[]) => {
    const [address, site] = at as [number, string];
    m.asked.push(`${site} ${(address - RAM) / PAGE_SIZE}`);
    return isSecondYoung && address === RAM + PAGE_SIZE;
  };
  m.notifier.clearYoung = (...range: unknown[]) => {
    const [start, , site] = range as [number, number, string];
    m.asked.push(`${site} ${(start - RAM) / PAGE_SIZE}`);
    return true;
  };
  return m;
}

const scheme = (action: DamosScheme["action"], allow = false): DamosScheme => ({
  action,
  targetNid: 1,
  matching: true,
  allow,
});

const nodes = (m: Machine) => m.accesses(RAM, 3).map((access) => access && m.host.frames.nodeOf(access.pfn));
const frames = (m: Machine) => m.accesses(RAM, 3).map((access) => access!.pfn);

test("over virtual addresses asks the secondary MMU where the page table does not know, and counts anew what was used", () => {
  const m = machine(true);
  damosVa(m.task, RAM, END, scheme("stat"));
  expect(m.asked).toEqual([
    "damon_ptep_mkold 0",
    "damos_va_filter_young_match 1",
    "damon_ptep_mkold 1",
    "damos_va_filter_young_match 2",
  ]);
});

test.each([
  [true, [1, 1, 0]],
  [false, [0, 0, 1]],
])("migrates what the filter lets through (allow %s)", (allow, expected) => {
  const m = machine(true);
  damosVa(m.task, RAM, END, scheme("migrate_hot", allow));
  expect(nodes(m)).toEqual(expected);
});

test("over physical addresses reclaims what nobody used", () => {
  const m = machine(false);
  for (const frame of frames(m)) damonPaMkold(m.host, frame);
  hostAccess(m.task, RAM);
  m.asked.splice(0);
  damosPa(m.host, frames(m), scheme("pageout"));
  expect(m.asked).toEqual(["damon_ptep_mkold 0", "damon_folio_young_one 1", "damon_folio_young_one 2"]);
  expect(nodes(m)).toEqual([0, null, null]);
  expect(hostAccess(m.task, RAM + PAGE_SIZE)).toEqual({ value: 11 });
});

test("moves nothing to a node that is not there, and pages out a range whatever the filter says", () => {
  const m = machine(true);
  damosVa(m.task, RAM, END, { ...scheme("migrate_cold", true), targetNid: 7 });
  expect(nodes(m)).toEqual([0, 0, 0]);
  damosVa(m.task, RAM, END, scheme("pageout"));
  expect(nodes(m)).toEqual([null, null, null]);
});

import { Store } from "@kvmm/interleave";
import { describe, expect, test } from "vitest";
import { pa } from "../address.js";
import { machine } from "../machine.js";
import { MemoryCache } from "./memory-cache.js";
import { TableMemory } from "./table-memory.js";

const make = () => {
  const store = new Store();
  return { store, memory: new TableMemory(store, machine()) };
};

describe("table pages", () => {
  test("are found by the descriptor that points to them, in memory of their own", () => {
    const { memory } = make();
    const pages = Array.from({ length: 100 }, (_, i) => memory.allocate("table", i % 10 === 0 ? 16 : 1));
    const parent = memory.allocate("parent");
    const taken = new Set<number>();
    for (const page of pages) {
      expect(memory.child(parent, 0, page.entryLo, page.entryHi)).toBe(page);
      expect(memory.at(page.pa)).toBe(page);
      expect(page.peekEntry() & 3n).toBe(3n);
      for (let i = 0; i < page.pages; i++) taken.add(page.pa + i * 4096);
    }
    expect(taken.size).toBe(90 + 10 * 16);
    expect(memory.pages).toBe(taken.size + 1);
  });

  test("begin with zeros and one reference, also where another page was", () => {
    const { memory } = make();
    const page = memory.allocate("table");
    expect(page.peekCount()).toBe(1);
    page.write(5, 1, 2, false);
    expect(page.peek(5)).toBe(0x2_0000_0001n);
    expect(page.putPage(5)).toBe(0);
    expect(memory.pages).toBe(0);
    expect(
      memory
        .allocate("table")
        .peekWords()
        .every((word) => word === 0),
    ).toBe(true);
  });

  test("bad: dropped twice, left behind, pointed to after they are gone", () => {
    const { memory } = make();
    const page = memory.allocate("table");
    const parent = memory.allocate("parent");
    page.putPage(0);
    expect(() => page.putPage(0)).toThrow("early free: the last reference to table is dropped twice");
    expect(() => memory.checkEmpty()).toThrow("leak: 1 table pages are not freed, among them parent");
    expect(() => memory.child(parent, 7, page.entryLo, page.entryHi)).toThrow(
      `stray descriptor: entry 7 of parent points to a table at 0x${page.pa.toString(16)}, where none is allocated`,
    );
    parent.putPage(0);
    memory.checkEmpty();
  });

  test("come back with what was in them when a free is rolled back", () => {
    const { store, memory } = make();
    const page = memory.allocate("table");
    page.write(1, -1, -1, false);
    const mark = store.mark();
    page.putPage(0);
    const other = memory.allocate("other");
    expect(memory.pages).toBe(1);
    expect(other.peek(1)).toBe(0n);
    store.rollback(mark);
    expect([...memory.live()]).toEqual([page]);
    expect(page.peek(1)).toBe(0xffff_ffff_ffff_ffffn);
    expect(memory.child(page, 0, page.entryLo, page.entryHi)).toBe(page);
  });

  test("lie where they are told to", () => {
    const store = new Store();
    const at = (base: number) => new TableMemory(store, machine(), { base: pa(base) });
    const page = at(2 ** 40).allocate("table");
    expect(page.pa).toBeGreaterThanOrEqual(2 ** 40);
    expect(page.pa).toBeLessThan(2 ** 42);
    expect(() => at(4096)).toThrow("tables at 0x1000 are not aligned");
    expect(() => at(2 ** 48)).toThrow("reach beyond 2^48");
    expect(() => at(2 ** 40).allocate("table", 17)).toThrow("17 pages in a row");
  });
});

test("a memory cache gives out its pages, and rolls back with the rest", () => {
  const store = new Store();
  const cache = new MemoryCache(store, "cache");
  expect(cache.take()).toBe(false);
  cache.topup(3);
  expect(cache.nobjs).toBe(40);
  const mark = store.mark();
  expect(cache.take()).toBe(true);
  cache.topup(3);
  expect(cache.nobjs).toBe(39);
  store.rollback(mark);
  expect(cache.nobjs).toBe(40);
  cache.free();
  expect(cache.nobjs).toBe(0);
  expect(() => new MemoryCache(store, "cache", -1)).toThrow("-1 is not a number of pages");
});

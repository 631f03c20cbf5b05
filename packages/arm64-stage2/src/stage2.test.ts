import { hashOf, Store } from "@kvmm/interleave";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipa, pa } from "./address.js";
import { type FlatLeaf, FlatModel } from "./conformance/flat-model.js";
import { decodeDescriptor, pteProt } from "./descriptor/decode.js";
import type { LeafDescriptor } from "./descriptor/descriptor.js";
import { memoryType } from "./descriptor/memory-type.js";
import { Prot } from "./descriptor/prot.js";
import { tableEntries } from "./dump/entries.js";
import { geometryOf, type PageSize } from "./geometry/geometry.js";
import { getVtcr } from "./geometry/vtcr.js";
import { machine } from "./machine.js";
import { Stage2 } from "./stage2.js";
import { BreakBeforeMake } from "./table/break-before-make.js";
import { MemoryCache } from "./table/memory-cache.js";
import { Walk } from "./walk/flags.js";

const features = fc.record({ fwb: fc.boolean(), tlbRange: fc.boolean() });

/** Page numbers near the borders of two blocks, and lengths from a page to more than a block. */
function ranges(pageSize: PageSize) {
  const block = pageSize / 8;
  const near = fc
    .tuple(fc.constantFrom(0, block, 2 * block), fc.nat(5))
    .map(([base, offset]) => base + offset);
  const length = fc.oneof(
    fc.integer({ min: 1, max: 6 }),
    fc.constantFrom(block - 1, block, block + 1, 2 * block),
  );
  return fc.tuple(near, length);
}

const prots = fc
  .tuple(fc.constantFrom(0, Prot.X), fc.nat(3), fc.constantFrom(0, Prot.SW0, Prot.SW3))
  .chain(([x, rw, sw]) =>
    fc
      .constantFrom(0, ...(x === 0 ? [Prot.DEVICE, Prot.NORMAL_NC] : []))
      .map((type) => x | (rw << 2) | sw | type),
  );

function operations(pageSize: PageSize) {
  const range = ranges(pageSize);
  const target = fc.constantFrom(0, 0, 1, 2 * (pageSize / 8), pageSize / 8);
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constant("map" as const),
        range,
        target,
        prot: prots,
        shared: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ op: fc.constant("unmap" as const), range }) },
    fc.record({ op: fc.constant("wrprotect" as const), range }),
    fc.record({ op: fc.constant("mkyoung" as const), range }),
    fc.record({ op: fc.constant("age" as const), range, mkold: fc.boolean() }),
    fc.record({
      op: fc.constant("relax" as const),
      range,
      prot: fc.nat(15).filter((p) => (p & 3) % 3 === 0),
    }),
    { weight: 1, arbitrary: fc.record({ op: fc.constant("split" as const), range }) },
  );
}
type Operation = ReturnType<typeof operations> extends fc.Arbitrary<infer O> ? O : never;

class Bench {
  readonly store = new Store();
  readonly bbm = new BreakBeforeMake();
  readonly warns: string[] = [];
  readonly pgt: Stage2;
  readonly cache: MemoryCache;
  readonly model: FlatModel;

  constructor(pageSize: PageSize, options: { fwb: boolean; tlbRange: boolean }) {
    const m = machine({ pageSize, ...options });
    const { store } = this;
    this.pgt = new Stage2({
      store,
      machine: m,
      vtcr: getVtcr(m, 5n, 0n, 40),
      tlb: this.bbm.tlb,
      warn: (text) => this.warns.push(text),
    });
    this.bbm.watch(this.pgt);
    this.pgt.init();
    this.cache = new MemoryCache(store, "cache");
    this.model = new FlatModel(geometryOf(pageSize), this.pgt.startLevel);
  }

  run(o: Operation): void {
    const { pgt, model, cache } = this;
    const { pageSize } = pgt.geometry;
    const addr = ipa(o.range[0] * pageSize);
    const size = o.range[1] * pageSize;
    switch (o.op) {
      case "map": {
        const phys = pa(addr + o.target * pageSize);
        cache.set(100);
        const flags = Walk.IGNORE_EAGAIN | (o.shared ? Walk.SHARED : 0);
        expect(pgt.map(addr, size, phys, o.prot, cache, flags)).toBe(0);
        model.map(addr, size, phys, o.prot);
        break;
      }
      case "unmap":
        expect(pgt.unmap(addr, size)).toBe(0);
        model.unmap(addr, size);
        break;
      case "wrprotect":
        expect(pgt.wrprotect(addr, size)).toBe(0);
        model.wrprotect(addr, size);
        break;
      case "mkyoung":
        pgt.mkyoung(addr);
        model.mkyoung(addr);
        break;
      case "age":
        expect(pgt.testClearYoung(addr, size, o.mkold)).toBe(model.testClearYoung(addr, size, o.mkold));
        break;
      case "relax":
        pgt.relaxPerms(addr, o.prot);
        model.relaxPerms(addr, o.prot);
        break;
      case "split":
        cache.set(100);
        expect(pgt.split(addr, size, cache)).toBe(0);
        model.split(addr, size);
        break;
    }
    this.bbm.settle();
  }

  /** The leaves of the real tables, in the model's words. */
  leaves(): [number, FlatLeaf][] {
    const { pgt } = this;
    return tableEntries(pgt)
      .filter((entry) => entry.child === null)
      .map(({ level, ipa: first, desc }) => {
        const leaf = decodeDescriptor(pgt.machine, desc, level) as LeafDescriptor;
        const type = memoryType(pgt.machine, leaf.memAttr).replace("-nGnRE", "") as FlatLeaf["type"];
        const size = pgt.geometry.sizes[level]!;
        return [first, { size, pa: leaf.pa, prot: pteProt(desc), type, young: leaf.accessFlag }];
      });
  }

  /** Every count is one more than the entries of its page. */
  checkCounts(): void {
    const used = new Map<unknown, number>();
    for (const { page, index } of tableEntries(this.pgt)) {
      const key = `${page.id}/${Math.floor(index / this.pgt.geometry.ptrsPerPte)}`;
      used.set(key, (used.get(key) ?? 0) + 1);
    }
    for (const page of this.pgt.tables.live()) {
      for (let i = 0; i < page.pages; i++)
        expect(page.peekCount(i)).toBe(1 + (used.get(`${page.id}/${i}`) ?? 0));
    }
  }

  snapshot(): unknown {
    const live = [...this.pgt.tables.live()].sort((a, b) => a.id - b.id);
    const tables = live.map((page) => `${page.id} x${page.peekCount()}: ${hashOf(page.peekWords()).join()}`);
    return { tables, pages: this.pgt.tables.pages, entries: tableEntries(this.pgt).length };
  }
}

describe.each<PageSize>([4096, 16384, 65536])("stage-2 tables of %i byte pages", (pageSize) => {
  const sequence = fc.array(operations(pageSize), { maxLength: 25 });
  const numRuns = { 4096: 100, 16384: 30, 65536: 8 }[pageSize];

  test("do what a map of addresses does, break before they make, and leave nothing behind", () => {
    fc.assert(
      fc.property(features, sequence, (options, list) => {
        const bench = new Bench(pageSize, options);
        for (const operation of list) {
          bench.run(operation);
          expect(bench.leaves()).toEqual([...bench.model.leaves].sort(([a], [b]) => a - b));
          bench.checkCounts();
        }
        expect(bench.bbm.violations).toEqual([]);
        bench.pgt.destroy();
        bench.pgt.tables.checkEmpty();
        expect(bench.warns).toEqual([]);
      }),
      { numRuns },
    );
  }, 240_000);

  test("are put back exactly as they were by a rollback", () => {
    fc.assert(
      fc.property(features, sequence, sequence, (options, before, after) => {
        const bench = new Bench(pageSize, options);
        for (const operation of before) bench.run(operation);
        const was = bench.snapshot();
        const mark = bench.store.mark();
        const { hash } = bench.store;
        for (const operation of after) bench.run(operation);
        bench.pgt.destroy();
        bench.store.rollback(mark);
        expect(bench.snapshot()).toEqual(was);
        expect(bench.store.hash).toEqual(hash);
      }),
      { numRuns: Math.ceil(numRuns / 2) },
    );
  }, 240_000);
});

describe("what the kernel could not be asked", () => {
  const bench = new Bench(4096, { fwb: true, tlbRange: true });
  const { pgt, cache } = bench;
  const bad: [string, () => unknown, string][] = [
    [
      "half an address",
      () => pgt.map(0.5 as never, 4096, pa(0), 0, cache),
      "map: addr: 0.5 is not an integer",
    ],
    ["a negative size", () => pgt.unmap(ipa(0), -1), "unmap: size: -1"],
    ["NaN", () => pgt.getLeaf(Number.NaN as never), "getLeaf: addr: NaN"],
    ["infinity", () => pgt.wrprotect(ipa(0), Number.POSITIVE_INFINITY), "wrprotect: size: Infinity"],
    ["53 bits", () => pgt.map(ipa(0), 1, (2 ** 53) as never, 0, cache), "map: phys: 9007199254740992"],
    ["unknown permissions", () => pgt.map(ipa(0), 1, pa(0), 1 << 10, cache), "map: prot: 1024 is no union"],
    [
      "visits of a map",
      () => pgt.map(ipa(0), 1, pa(0), 0, cache, Walk.TABLE_POST),
      "map: flags: 4 is no union",
    ],
    ["unknown flags", () => pgt.walk(ipa(0), 1, 128, () => 0), "walk: flags: 128 is no union"],
    ["a type of 5 bits", () => pgt.annotate(ipa(0), 1, cache, 16, 0n), "annotate: type 16 has not 4 bits"],
    ["an annotation of 65 bits", () => pgt.annotate(ipa(0), 1, cache, 2, 1n << 64n), "has not 64 bits"],
    ["level 4", () => pgt.createUnlinked(pa(0), 4, 0, cache, true), "createUnlinked: level: 4 is no level"],
    ["half a cache", () => cache.set(0.5), "0.5 is not a number of pages"],
  ];
  test.each(bad)("%s", (_what, run, message) => {
    expect(run).toThrow(message);
    expect(tableEntries(pgt)).toEqual([]);
  });
});

test("what the kernel refuses is refused with its errno", () => {
  const { pgt, cache } = new Bench(4096, { fwb: true, tlbRange: true });
  expect(pgt.map(ipa(2 ** 40), 4096, pa(0), Prot.R, cache)).toBe(-34);
  expect(pgt.map(ipa(0), 4096, pa(0), Prot.R, null)).toBe(-12);
  expect(pgt.map(ipa(0), 4096, pa(0), Prot.R, cache)).toBe(-12);
  expect(pgt.map(ipa(0), 4096, pa(0), Prot.DEVICE | Prot.X, cache)).toBe(-22);
  expect(pgt.relaxPerms(ipa(0), Prot.R)).toBe(-11);
  expect(pgt.relaxPerms(ipa(0), Prot.SW0)).toBe(-22);
  pgt.destroy();
  expect(pgt.getLeaf(ipa(0))).toBe(-22);
  expect(pgt.peekLeaf(ipa(0))).toBeNull();
});

test("a leaf is found at every level, and beyond the tables there is none", () => {
  const { pgt, cache } = new Bench(4096, { fwb: true, tlbRange: true });
  cache.topup(2);
  expect(cache.nobjs).toBe(40);
  pgt.map(ipa(0x4000_0000), 2 ** 30, pa(0x8000_0000), Prot.RW, cache);
  pgt.map(ipa(0x1000), 4096, pa(0x5000), Prot.RW, cache);
  for (const [addr, level] of [
    [0x4000_1000, 1],
    [0x1000, 3],
    [0x2000, 3],
    [0x20_0000, 2],
    [2 ** 39, 1],
  ] as const) {
    expect(pgt.peekLeaf(ipa(addr))).toEqual(pgt.getLeaf(ipa(addr)));
    expect(pgt.peekLeaf(ipa(addr))!.level).toBe(level);
  }
  expect(pgt.peekLeaf(ipa(2 ** 40))).toBeNull();
  expect(pgt.getLeaf(ipa(2 ** 40))).toBe(-34);
});

describe("what the vectors do not reach", () => {
  /** Tables whose TLB invalidations are listed. */
  function listed() {
    const store = new Store();
    const m = machine();
    const flushed: string[] = [];
    const pgt = new Stage2({
      store,
      machine: m,
      vtcr: getVtcr(m, 5n, 0n, 40),
      tlb: {
        flushVmidIpa: (addr, level) => flushed.push(`ipa ${addr} ${level}`),
        flushVmidIpaNsh: (addr, level) => flushed.push(`nsh ${addr} ${level}`),
        flushVmidRange: (addr, pages) => flushed.push(`range ${addr} ${pages}`),
        flushVmid: () => flushed.push("vmid"),
      },
    });
    pgt.init();
    return { pgt, flushed, cache: new MemoryCache(store, "cache", 1000) };
  }

  test("SKIP_BBM_TLBI", () => {
    const { pgt, flushed, cache } = listed();
    pgt.map(ipa(0), 4096, pa(0x1000), Prot.R, cache);
    pgt.map(ipa(0), 4096, pa(0x2000), Prot.R, cache, Walk.SKIP_BBM_TLBI);
    expect(flushed).toEqual([]);
    pgt.map(ipa(0), 4096, pa(0x3000), Prot.R, cache);
    expect(flushed).toEqual(["ipa 0 3"]);
  });

  test("an empty range at the end of the IPA space", () => {
    const { pgt } = listed();
    expect(pgt.wrprotect(ipa(2 ** 40), 0)).toBe(0);
    expect(pgt.wrprotect(ipa(2 ** 40), 1)).toBe(-34);
  });

  test("relaxPerms beyond the IPA space invalidates nothing", () => {
    const { pgt, flushed } = listed();
    expect(pgt.relaxPerms(ipa(2 ** 40), Prot.R)).toBe(-34);
    expect(flushed).toEqual([]);
  });

  test("a level 1 block is split as far as the pages go, or at once if all are there", () => {
    const { pgt, cache } = listed();
    pgt.map(ipa(0), 2 ** 30, pa(2 ** 30), Prot.R, cache);
    cache.set(512);
    expect(pgt.split(ipa(0), 2 ** 30, cache)).toBe(-12);
    expect(cache.nobjs).toBe(0);
    expect(pgt.peekLeaf(ipa(2 ** 30 - 1))!.level).toBe(2);
    expect(pgt.peekLeaf(ipa(2 ** 30 - 2 ** 21 - 1))!.level).toBe(3);
    pgt.map(ipa(0), 2 ** 30, pa(2 ** 30), Prot.R, cache);
    cache.set(513);
    expect(pgt.split(ipa(0), 2 ** 30, cache)).toBe(0);
    expect(cache.nobjs).toBe(0);
    expect(pgt.tables.pages).toBe(2 + 513);
  });
});

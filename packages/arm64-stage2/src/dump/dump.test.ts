import { readFileSync } from "node:fs";
import { Store } from "@kvmm/interleave";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipa, pa } from "../address.js";
import { Prot } from "../descriptor/prot.js";
import { getVtcr } from "../geometry/vtcr.js";
import { machine } from "../machine.js";
import { Stage2 } from "../stage2.js";
import { MemoryCache } from "../table/memory-cache.js";
import { formatAttributes, parseAttributes } from "./attributes.js";
import { diffDumps, mergeRanges } from "./compare.js";
import { type DumpRange, dump } from "./dump.js";
import { formatDump } from "./format.js";
import { parseDump } from "./parse.js";

const sample = (name: string) => readFileSync(new URL(`../../test/samples/${name}`, import.meta.url), "utf8");

const PROTS: Record<string, number> = {
  "R W px ux AF": Prot.RWX,
  "R W PXNUXN AF": Prot.RW,
  "R PXNUXN AF": Prot.R,
};

function tables(iaBits = 40) {
  const store = new Store();
  const m = machine();
  const pgt = new Stage2({ store, machine: m, vtcr: getVtcr(m, 5n, 0n, iaBits) });
  pgt.init();
  return { pgt, cache: new MemoryCache(store, "cache", 1000) };
}

/** Tables with the leaves that a dump shows. */
function tablesLike(ranges: readonly DumpRange[]): Stage2 {
  const { pgt, cache } = tables();
  for (const [first, end, , attributes] of ranges) {
    const prot = PROTS[attributes.replace(" BLK", "")];
    if (prot !== undefined) expect(pgt.map(ipa(first), end - first, pa(first), prot, cache)).toBe(0);
  }
  return pgt;
}

describe("a dump", () => {
  test.each(["stage2_page_tables-4k.txt", "stage2_page_tables-blocks.txt"])(
    "prints tables as the kernel printed %s",
    (name) => {
      const text = sample(name);
      const { ranges, problem } = parseDump(text);
      expect(problem).toBeNull();
      expect(ranges.length).toBe(text.trimEnd().split("\n").length - 1);
      expect(formatDump(ranges)).toBe(text);
      const pgt = tablesLike(ranges);
      expect(dump(pgt)).toEqual(ranges);
      expect(formatDump(dump(pgt))).toBe(text);
    },
  );

  test("leaves the last range out, unless it is asked for the whole", () => {
    const { pgt, cache } = tables();
    expect(dump(pgt)).toEqual([]);
    expect(dump(pgt, { whole: true })).toEqual([[0, 2 ** 40, 1, ""]]);
    pgt.map(ipa(2 ** 40 - 4096), 4096, pa(0), Prot.RW, cache);
    const whole = dump(pgt, { whole: true });
    expect(whole.at(-1)).toEqual([2 ** 40 - 4096, 2 ** 40, 3, "R W PXNUXN AF"]);
    expect(dump(pgt)).toEqual(whole.slice(0, -1));
  });

  test("shows every execute permission, ageing, and entries that only say something", () => {
    const { pgt, cache } = tables(32);
    [Prot.RWX, Prot.R | Prot.UX, Prot.R, Prot.R | Prot.PX].forEach((prot, page) => {
      pgt.map(ipa(page * 4096), 4096, pa(page * 4096), prot, cache);
    });
    pgt.testClearYoung(ipa(0), 4096, true);
    pgt.annotate(ipa(4 * 4096), 4096, cache, 2, 0x2n);
    expect(dump(pgt).slice(0, 6)).toEqual([
      [0x0000, 0x1000, 3, "R W px ux"],
      [0x1000, 0x2000, 3, "R PXNux AF"],
      [0x2000, 0x3000, 3, "R PXNUXN AF"],
      [0x3000, 0x4000, 3, "R px UXN AF"],
      [0x4000, 0x5000, 3, "F px ux"],
      [0x5000, 0x20_0000, 3, ""],
    ]);
  });

  test("is written and read again", () => {
    const { pgt, cache } = tables();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2000), fc.integer({ min: 1, max: 600 }), fc.nat(15)), { maxLength: 8 }),
        (maps) => {
          for (const [page, pages, prot] of maps) {
            cache.set(100);
            pgt.map(ipa(page * 4096), pages * 4096, pa(page * 4096), prot, cache, 16);
          }
          const ranges = dump(pgt);
          expect(parseDump(formatDump(ranges))).toEqual({ ranges, problem: null });
          expect(mergeRanges(ranges)).toEqual(ranges);
          pgt.unmap(ipa(0), 2 ** 24);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("all attributes that bits can show are told apart, but for the type of invalid entries", () => {
    for (let bits = 0; bits < 1 << 13; bits++) {
      const words = formatAttributes(bits & 0x1cc3);
      expect(formatAttributes(parseAttributes(words)!)).toBe(words);
    }
    expect(parseAttributes("R W X")).toBeNull();
  });
});

describe("a dump that is none", () => {
  const good = "0x0000000000000000-0x0000000000001000           4K 3   R W px ux  AF    \n";
  const bad: [string, string, string][] = [
    ["text", "hello\n", "no range of a stage-2 dump"],
    ["a gap", "0x0000000000002000-0x0000000000003000           4K 3\n", "does not begin where"],
    ["nothing", "0x0000000000001000-0x0000000000001000           4K 3\n", "is empty, or beyond"],
    ["too much", "0x0000000000001000-0xffffffffffffffff           4K 3\n", "is empty, or beyond"],
    [
      "attributes",
      "0x0000000000001000-0x0000000000002000           4K 3 R W everything\n",
      "are no attributes",
    ],
    [
      "a long line",
      `0x0000000000001000-0x0000000000002000           4K 3 ${" ".repeat(1e6)}\n`,
      "longer than 200",
    ],
  ];
  test.each(bad)("%s", (_what, line, message) => {
    const { ranges, problem } = parseDump(`---[ Guest IPA ]---\n${good}${line}${good}`);
    expect(ranges).toEqual([[0, 0x1000, 3, "R W px ux AF"]]);
    expect(problem).toEqual({ line: 3, message: expect.stringContaining(message) });
  });
});

test("two dumps are compared range by range", () => {
  const before: DumpRange[] = [
    [0, 0x1000, 3, "R"],
    [0x1000, 0x4000, 3, ""],
  ];
  const after: DumpRange[] = [
    [0, 0x2000, 3, "R"],
    [0x2000, 0x3000, 3, ""],
  ];
  expect(diffDumps(before, after)).toEqual([
    { first: 0x1000, end: 0x2000, before: [3, ""], after: [3, "R"] },
    { first: 0x3000, end: 0x4000, before: [3, ""], after: null },
  ]);
  expect(diffDumps(before, before)).toEqual([]);
  expect(() => formatDump([[0, 1, 3, "X"]])).toThrow('"X" are no attributes');
});

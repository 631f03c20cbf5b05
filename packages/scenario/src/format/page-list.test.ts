import fc from "fast-check";
import { expect, test } from "vitest";
import type { PageList, PageSet } from "./page-list.js";
import {
  below,
  countPages,
  difference,
  equalSets,
  mostRanges,
  pageListProblem,
  shift,
  toPageList,
  toPageSet,
  union,
} from "./page-list.js";

const range = fc
  .tuple(fc.nat(60), fc.nat(20), fc.integer({ min: 1, max: 5 }))
  .map(([first, length, step]): PageList[number] => [first, first + length, step]);
const lists: fc.Arbitrary<PageList> = fc.array(range, { maxLength: 6 });

const pagesOf = (list: PageList): number[] => {
  const pages = new Set<number>();
  for (const [first, end, step = 1] of list) for (let page = first; page < end; page += step) pages.add(page);
  return [...pages].sort((a, b) => a - b);
};
const members = (set: PageSet) => pagesOf(set);

test("a page list denotes its pages, whatever their order and steps", () => {
  fc.assert(
    fc.property(lists, (list) => {
      expect(members(toPageSet(list))).toEqual(pagesOf(list));
    }),
  );
});

test("a set is ascending, with gaps between its ranges", () => {
  fc.assert(
    fc.property(lists, (list) => {
      const set = toPageSet(list);
      for (const [index, [first, end]] of set.entries()) {
        expect(first).toBeLessThan(end);
        if (index > 0) expect(first).toBeGreaterThan(set[index - 1]![1]);
      }
    }),
  );
});

test("a set written down as a list denotes the same set", () => {
  fc.assert(
    fc.property(lists, (list) => {
      const set = toPageSet(list);
      expect(equalSets(toPageSet(toPageList(set)), set)).toBe(true);
    }),
  );
  expect(toPageList(toPageSet([[0, 15, 2]]))).toEqual([[0, 15, 2]]);
});

test("union, difference, shift, below and counting do what they do to sets of numbers", () => {
  fc.assert(
    fc.property(lists, lists, fc.nat(30), (a, b, n) => {
      const [x, y] = [toPageSet(a), toPageSet(b)];
      const inB = new Set(members(y));
      expect(members(union([x, y]))).toEqual([...new Set([...members(x), ...inB])].sort((p, q) => p - q));
      expect(members(difference(x, y))).toEqual(members(x).filter((page) => !inB.has(page)));
      expect(members(shift(x, n))).toEqual(members(x).map((page) => page + n));
      expect(members(below(x, n))).toEqual(members(x).filter((page) => page < n));
      expect(countPages(x)).toBe(members(x).length);
    }),
  );
});

test("a list that no machine could have is refused before it is written out", () => {
  expect(pageListProblem([[0, 2 ** 52, 2]])).toBe(`it names more than ${mostRanges} separate ranges`);
  expect(pageListProblem([[4, 2]])).toBe("the range [4, 2] ends before it begins");
  expect(pageListProblem([[0, 4, 0]])).toBe("the step 0 is not positive");
  expect(pageListProblem([[0, 2 ** 52]])).toBeUndefined();
});

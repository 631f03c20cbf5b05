import fc from "fast-check";
import { expect, test } from "vitest";
import { Ordered } from "./ordered.js";
import { Shared } from "./shared-object.js";
import { Store } from "./store.js";

class Named extends Shared {
  override restore(): void {}
}

const range = fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 1, max: 60 }));

/** Ranges that do not overlap, some of which meet. */
const disjoint = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 9 })), {
    minLength: 70,
    maxLength: 120,
  })
  .map((pieces) => {
    let at = 0;
    return pieces.map(([gap, length]): [number, number] => {
      const start = at + gap;
      at = start + length;
      return [start, length];
    });
  });

test("a tree that is asked often answers as it did before, and as it should", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.array(range, { minLength: 70, maxLength: 120 }), disjoint),
      fc.array(range, { minLength: 1, maxLength: 20 }),
      (ranges, asked) => {
        const store = new Store();
        const tree = new Ordered<Named>(store, "tree");
        for (const [tie, [start, length]] of ranges.entries())
          tree.set(start, start + length, new Named(store, `${tie}`), tie);
        const all = tree.peek();
        const spans = new Map(
          ranges.map(([start, length], tie) => [`${tie}`, [start, start + length] as const]),
        );
        const answers = () =>
          asked.map(([from, length]) => ({
            first: tree.first(from, from + length)?.name,
            floor: tree.floor(from)?.name,
            overlapping: tree.overlapping(from, from + length).map(({ name }) => name),
          }));
        const before = answers();
        for (let i = 0; i < 2 * ranges.length; i++) tree.floor(0);
        expect(answers()).toEqual(before);
        const [[from, length]] = asked as [(typeof asked)[number]];
        const overlapping = all.find(
          ({ name }) => spans.get(name)![1] > from && spans.get(name)![0] < from + length,
        );
        expect(tree.first(from, from + length)).toBe(overlapping);
        // A change is seen at once.
        const [start] = ranges[0]!;
        tree.delete(start, 0);
        expect(tree.overlapping(start, start + 1).some(({ name }) => name === "0")).toBe(false);
        for (let i = 0; i < 3; i++) expect(tree.first(start, start + 1)?.name).not.toBe("0");
      },
    ),
  );
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Visited } from "./visited.js";

const half = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1));

describe("the visited states", () => {
  test("answer as a map does, also beyond where they grow", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(half, half, fc.integer()), { maxLength: 200 }), (entries) => {
        const visited = new Visited(4);
        const model = new Map<string, number>();
        for (const [lo, hi, info] of entries) {
          // The one hash that would look like an empty slot shares the place of its neighbour.
          const key = `${lo === 0 && hi === 0 ? 1 : lo} ${hi}`;
          const place = visited.find(lo, hi);
          expect(place >= 0).toBe(model.has(key));
          if (place < 0) visited.insert(place, lo, hi, info);
          else {
            expect(visited.info(place)).toBe(model.get(key));
            visited.setInfo(place, info);
          }
          model.set(key, info);
        }
        expect(visited.size).toBe(model.size);
      }),
    );
  });

  test("take 12 bytes a slot, of which a third to three quarters are used", () => {
    const visited = new Visited();
    for (let i = 1; i <= 100_000; i++) visited.insert(visited.find(i * 7, i), i * 7, i, 0);
    expect(visited.bytes / visited.size).toBeLessThan(32);
  });
});

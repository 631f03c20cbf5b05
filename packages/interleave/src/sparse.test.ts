import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPAQUE, Sparse, Store, WHOLE } from "./index.js";

const index = fc.oneof(
  fc.nat(1100),
  fc.nat(4).map((n) => Number.MAX_SAFE_INTEGER - n),
  fc.nat(8).map((n) => n * 2 ** 40 + 511),
);
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("set" as const), index, fc.nat(2)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("mark" as const), fc.constant(0), fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("rollback" as const), fc.constant(0), fc.constant(0)) },
);

describe("sparse numbers", () => {
  test("answer as a Map does, through changes and rollbacks", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60 }),
        fc.array(fc.tuple(index, index)),
        (operations, queries) => {
          const store = new Store();
          const sparse = new Sparse(store, "sparse");
          let map = new Map<number, number>();
          const marks = [{ mark: store.mark(), map: new Map(map) }];
          for (const [op, at, value] of operations) {
            if (op === "set") {
              sparse.set(at, value);
              map.set(at, value);
            } else if (op === "mark") marks.push({ mark: store.mark(), map: new Map(map) });
            else {
              const last = marks.length > 1 ? marks.pop()! : marks[0]!;
              store.rollback(last.mark);
              map = new Map(last.map);
            }
          }
          const present = [...map]
            .filter(([, value]) => value !== 0)
            .map(([at]) => at)
            .sort((a, b) => a - b);
          for (const [from, to] of queries) {
            expect(sparse.get(from)).toBe(map.get(from) ?? 0);
            expect(sparse.next(from, to)).toBe(present.find((at) => at >= from && at < to) ?? -1);
          }
          expect(sparse.next(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)).toBe(present[0] ?? -1);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("have one digest for one content, however it came about", () => {
    const contents = fc.array(fc.tuple(index, fc.nat(2)), { maxLength: 20 });
    const digests = new Map<string, unknown>();
    fc.assert(
      fc.property(contents, contents, (before, after) => {
        const store = new Store();
        const sparse = new Sparse(store, "sparse");
        for (const [at, value] of after) sparse.set(at, value);
        const digest = sparse.digest(WHOLE);
        const mark = store.mark();
        for (const [at, value] of before) sparse.set(at, value);
        sparse.digest(WHOLE);
        store.rollback(mark);
        expect(sparse.digest(WHOLE)).toBe(digest);
        const present = [...new Map(after)].filter(([, value]) => value !== 0).sort(([a], [b]) => a - b);
        const content = JSON.stringify(present);
        expect(digests.get(content) ?? digest).toBe(digest);
        digests.set(content, digest);
      }),
    );
    expect(new Set(digests.values()).size).toBe(digests.size);
    expect(digests.size).toBeGreaterThan(50);
    const large = new Sparse(new Store(), "large");
    for (let i = 0; i < 100; i++) large.set(i * 1000, 1);
    expect(large.digest(WHOLE)).toBe(OPAQUE);
  });

  test.each([-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])("refuse index %d", (at) => {
    const sparse = new Sparse(new Store(), "sparse");
    expect(() => sparse.set(at, 1)).toThrow(`sparse has no index ${at}`);
    expect(sparse.get(at)).toBe(0);
  });
});

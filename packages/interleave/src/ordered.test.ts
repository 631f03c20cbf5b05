import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cell, GuardError, Ordered, SpinLock, Store } from "./index.js";

interface Row {
  readonly start: number;
  readonly end: number;
  readonly tie: number;
  readonly value: Cell<number>;
}

const at = fc.oneof(
  fc.nat(12),
  fc.nat(12).map((n) => n * 2 ** 40),
);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("set" as const), at, length: fc.nat(20), tie: fc.nat(1) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("delete" as const), at, tie: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("mark" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("rollback" as const) }) },
);

describe("an ordered set of ranges", () => {
  test("answers as a sorted array does, through changes and rollbacks", () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60 }),
        fc.array(fc.tuple(at, at)),
        (operations, queries) => {
          const store = new Store();
          const ordered = new Ordered<Cell<number>>(store, "ordered");
          let rows: readonly Row[] = [];
          const marks = [{ mark: store.mark(), rows }];
          for (const step of operations) {
            if (step.op === "set") {
              const { at: start, length, tie } = step;
              const value = new Cell(store, `[${start}, ${start + length}) ${tie}`, 0);
              ordered.set(start, start + length, value, tie);
              rows = [
                ...rows.filter((row) => row.start !== start || row.tie !== tie),
                { start, end: start + length, tie, value },
              ].sort((a, b) => a.start - b.start || a.tie - b.tie);
            } else if (step.op === "delete") {
              ordered.delete(step.at, step.tie);
              rows = rows.filter((row) => row.start !== step.at || row.tie !== step.tie);
            } else if (step.op === "mark") marks.push({ mark: store.mark(), rows });
            else {
              const last = marks.length > 1 ? marks.pop()! : marks[0]!;
              store.rollback(last.mark);
              rows = last.rows;
            }
          }
          expect(ordered.size).toBe(rows.length);
          expect(ordered.peek()).toEqual(rows.map((row) => row.value));
          for (const [from, to] of queries) {
            const overlapping = rows
              .filter((row) => row.end > from && row.start < to)
              .map((row) => row.value);
            expect(ordered.overlapping(from, to)).toEqual(overlapping);
            expect(ordered.first(from, to)).toBe(overlapping[0]);
            expect(ordered.get(from)).toBe(rows.find((row) => row.start === from && row.tie === 0)?.value);
            expect(ordered.get(from, 1)).toBe(rows.find((row) => row.start === from && row.tie === 1)?.value);
            expect(ordered.floor(from)).toBe(rows.findLast((row) => row.start <= from)?.value);
            expect(ordered.ceiling(from)).toBe(rows.find((row) => row.start >= from)?.value);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test("has a hash that is a function of its content", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(at, fc.nat(1)), {
          selector: ([start, tie]) => `${start}.${tie}`,
          maxLength: 20,
        }),
        fc.infiniteStream(fc.nat()),
        (keys, random) => {
          const store = new Store();
          const ordered = new Ordered<Cell<number>>(store, "ordered");
          const value = new Cell(store, "value", 0);
          const mark = store.mark();
          const fill = (order: readonly (readonly [number, number])[]) => {
            for (const [start, tie] of order) ordered.set(start, start + 1, value, tie);
            return store.hash;
          };
          const straight = fill(keys);
          store.rollback(mark);
          const shuffled = [...keys]
            .map((key) => ({ key, by: random.next().value }))
            .sort((a, b) => a.by - b.by)
            .map(({ key }) => key);
          ordered.set(100, 101, value);
          expect(fill(shuffled)).not.toEqual(straight);
          ordered.delete(100);
          expect(store.hash).toEqual(straight);
        },
      ),
    );
  });

  test("stays shallow when ranges arrive in order", () => {
    const store = new Store();
    const ordered = new Ordered<Cell<number>>(store, "ordered");
    const value = new Cell(store, "value", 0);
    for (let i = 0; i < 100_000; i++) ordered.set(i * 4096, i * 4096 + 4096, value);
    expect(ordered.size).toBe(100_000);
    expect(ordered.overlapping(4096, 3 * 4096)).toEqual([value, value]);
  });

  test("refuses a range that ends before it begins, or nowhere", () => {
    const store = new Store();
    const ordered = new Ordered<Cell<number>>(store, "ranges");
    const value = new Cell(store, "value", 0);
    expect(() => ordered.set(2, 1, value)).toThrow("ranges: a range from 2 to 1");
    expect(() => ordered.set(Number.NaN, 1, value)).toThrow(RangeError);
    expect(ordered.size).toBe(0);
  });

  test("is guarded as a whole", () => {
    const store = new Store();
    const lock = new SpinLock(store, "lock");
    const ordered = new Ordered<Cell<number>>(store, "ordered", { lock });
    expect(() => ordered.size).toThrow(GuardError);
    expect(() => ordered.delete(0)).toThrow("write to ordered without lock held exclusively");
    lock.lock();
    ordered.delete(0);
    expect(ordered.size).toBe(0);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Kind, Store, Suspendable, Words } from "./index.js";

describe("words", () => {
  test("hold 32 bits each, wrap, and answer as an array does", () => {
    const operation = fc.tuple(fc.constantFrom("set", "add"), fc.nat(3), fc.integer());
    fc.assert(
      fc.property(fc.array(operation), (operations) => {
        const store = new Store();
        const words = new Words(store, "words", 4);
        const mark = store.mark();
        const model = [0, 0, 0, 0];
        for (const [op, index, value] of operations) {
          model[index] = (op === "set" ? value : model[index]! + value) >>> 0;
          if (op === "set") words.set(index, value);
          else expect(words.add(index, value)).toBe(model[index]);
        }
        expect([0, 1, 2, 3].map((index) => words.get(index))).toEqual(model);
        expect([...words.peek()]).toEqual(model);
        store.rollback(mark);
        expect([...words.peek()]).toEqual([0, 0, 0, 0]);
      }),
    );
  });

  test.each([-1, 4, 0.5, Number.NaN])("have no word %d", (index) => {
    const words = new Words(new Store(), "words", 4);
    for (const access of [() => words.get(index), () => words.set(index, 1), () => words.add(index, 1)]) {
      expect(access).toThrow(`words has no word ${index}: it has 4`);
    }
  });

  test("are accessed one by one", () => {
    const store = new Store();
    const words = new Words(store, "words", 4);
    const task = new Suspendable(store, 1, "T", [() => words.set(3, words.get(2))]);
    task.start();
    expect(task.step()).toEqual([{ object: words, kind: Kind.Read, key: 2 }]);
    expect(task.step()).toEqual([{ object: words, kind: Kind.Write, key: 3 }]);
    expect(task.isDone).toBe(true);
  });
});

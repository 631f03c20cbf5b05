import fc from "fast-check";
import { expect, test } from "vitest";
import { Workload } from "./workload.js";

test("an operation follows from the seed and its number, however one gets there", () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.array(fc.nat(5000), { maxLength: 20 }), (seed, skips) => {
      const program = new Workload({ seed });
      for (const skip of skips) {
        program.skip(skip);
        const { index } = program;
        expect(program.next()).toEqual(new Workload({ seed }).at(index));
      }
    }),
  );
});

test("the mix is what was asked for", () => {
  const program = new Workload({ mix: { loads: 50, stores: 20, branches: 10 } });
  const counts = { load: 0, store: 0, branch: 0, other: 0 };
  for (let n = 0; n < 20_000; n++) {
    const { operation } = program.next();
    if (operation.class === "memory") counts[operation.store ? "store" : "load"]++;
    else if (operation.class === "branch") counts.branch++;
    else counts.other++;
  }
  for (const [kind, share] of [
    ["load", 0.5],
    ["store", 0.2],
    ["branch", 0.1],
    ["other", 0.2],
  ] as const)
    expect(Math.abs(counts[kind] / 20_000 - share)).toBeLessThan(0.02);
});

test.each(["sequential", "stride", "random", "hot-and-cold"] as const)(
  "%s accesses stay in the footprint",
  (pattern) => {
    const data = 0xffff_0000_0000_0000n;
    const program = new Workload({ pattern, data, footprint: 3 * 4096 + 64, stride: 192 });
    const pages = new Set<bigint>();
    for (let n = 0; n < 5000; n++) {
      const { dataVirtual } = program.next();
      if (dataVirtual === undefined) continue;
      expect(dataVirtual >= data && dataVirtual < data + 3n * 4096n + 64n).toBe(true);
      pages.add(dataVirtual >> 12n);
    }
    expect(pages.size).toBe(4);
  },
);

import fc from "fast-check";
import { expect, test } from "vitest";
import { components } from "./components.js";

test("two nodes are in one component where each can be reached from the other", () => {
  const graphs = fc
    .nat(7)
    .chain((n) =>
      fc.array(fc.tuple(fc.nat(n), fc.nat(n)), { maxLength: 16 }).map((edges) => ({ nodes: n + 1, edges })),
    );
  fc.assert(
    fc.property(graphs, ({ nodes, edges }) => {
      const all = Array.from({ length: nodes }, (_, node) => node);
      const next = (node: number) => edges.filter(([from]) => from === node).map(([, to]) => to);
      const reach = all.map((node) => {
        const seen = new Set([node]);
        for (const at of seen) for (const to of next(at)) seen.add(to);
        return seen;
      });
      const found = components(all, next);
      expect([...found.flat()].sort((a, b) => a - b)).toEqual(all);
      for (const component of found) {
        const expected = all.filter(
          (node) => reach[node]!.has(component[0]!) && reach[component[0]!]!.has(node),
        );
        expect([...component].sort((a, b) => a - b)).toEqual(expected);
      }
    }),
    { numRuns: 500 },
  );
});

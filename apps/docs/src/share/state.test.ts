import fc from "fast-check";
import { expect, test } from "vitest";
import { exampleOf, fromHash, type SharedState, toHash } from "./state.js";

test("a link carries the whole state", async () => {
  const states = fc.record(
    {
      text: fc.string({ unit: "grapheme" }),
      kernel: fc.string(),
      arch: fc.string(),
      patches: fc.array(fc.string()),
      step: fc.nat(),
      lane: fc.nat(),
    },
    { requiredKeys: ["text"] },
  );
  await fc.assert(
    fc.asyncProperty(states, async (state: SharedState) => {
      const hash = await toHash(state);
      expect(hash).toMatch(/^s=[\w-]+$/);
      expect(await fromHash(`#${hash}`)).toEqual(state);
    }),
    { numRuns: 50 },
  );
});

test("a damaged link is none", async () => {
  const hash = await toHash({ text: "steps: []" });
  expect(await fromHash(hash.slice(0, -4))).toBeUndefined();
  expect(await fromHash("s=!!!")).toBeUndefined();
  expect(await fromHash("")).toBeUndefined();
  await fc.assert(
    fc.asyncProperty(fc.string(), async (text) => void (await fromHash(`s=${text}`))),
    { numRuns: 50 },
  );
});

test("a link can name a built-in scenario", () => {
  expect(exampleOf("#example=munmap-all%40gmem")).toBe("munmap-all@gmem");
  expect(exampleOf("#s=abc")).toBeUndefined();
});

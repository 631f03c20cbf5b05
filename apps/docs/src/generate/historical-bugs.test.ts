import { patches } from "@kvmm/scenario";
import { expect, test } from "vitest";
import { unmodelledBugs } from "./historical-bugs.js";
import { undonePatches } from "./undone.js";

test("a bug is either undone by a patch, or said not to be modelled", () => {
  const undone = undonePatches().map(({ commit }) => commit);
  const unmodelled = unmodelledBugs.map(({ commit }) => commit);
  expect(new Set([...undone, ...unmodelled]).size).toBe(undone.length + unmodelled.length);
});

test("each undo patch is named for the commit that it takes out, and a test catches it", () => {
  const undone = undonePatches();
  expect(undone).toHaveLength(patches.filter(({ name }) => name.startsWith("undo-")).length);
  for (const { name, commit, year, caughtIn } of undone) {
    expect(name).toBe(`undo-${commit}`);
    expect(year, name).toBeGreaterThan(2000);
    expect(caughtIn, name).toMatch(/\.test\.ts$/);
  }
});

import { inspectScenario } from "@kvmm/scenario";
import { expect, test } from "vitest";
import { figures } from "../figures/figures.js";
import { cellChanged, cellState, wayInWords } from "./cell-state.js";
import { slotViews } from "./slot-view.js";

const { steps } = inspectScenario({ machine: {}, steps: figures.dontneed.steps })!;
const slotAfter = (step: number) => slotViews(steps[step - 1]!.after)[0]!;

test("each way of a slot is told in words", () => {
  const slot = slotAfter(5);
  expect(wayInWords(slot, "host")).toBe("mapped, writable: pages 0-7");
  expect(wayInWords(slot, "file")).toBe("a page: pages 0-7");
  expect(wayInWords(slot, "stage2")).toBe("mapped, writable: pages 0-7");
  expect(wayInWords(slotAfter(6), "stage2")).toBe("nothing");
});

test("what a step changed is marked, and nothing else", () => {
  const [before, after] = [slotAfter(5).cells[0]!, slotAfter(6).cells[0]!];
  expect(cellChanged(before, after, "host")).toBe(true);
  expect(cellChanged(before, after, "stage2")).toBe(true);
  expect(cellChanged(before, after, "file")).toBe(false);
  expect(cellState(after, "file").look).toBe("page");
});

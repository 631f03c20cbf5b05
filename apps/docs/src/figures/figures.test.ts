import { describe, expect, test } from "vitest";
import { slotViews } from "../view/slot-view.js";
import { type Figure, type FigureName, figures } from "./figures.js";
import { runFigure } from "./run-figure.js";

const names = Object.keys(figures) as FigureName[];

/** Pages of slot 0 that stage 2 maps after a step. */
function mapped(name: FigureName, step: number, patched = false): number {
  const { inspection } = runFigure(figures[name], patched);
  const [slot] = slotViews(inspection.steps[step - 1]!.after);
  return slot?.cells.filter(({ stage2 }) => stage2 !== null).length ?? 0;
}

describe.each(names)("figure %s", (name) => {
  test("runs, without and with its patch, and breaks what it is about", () => {
    const figure: Figure = figures[name];
    for (const patched of figure.patch === undefined ? [false] : [false, true]) {
      const { result, inspection } = runFigure(figure, patched);
      expect(inspection.steps).toHaveLength(figure.steps.length);
      const broken = result.violations.map(({ property }) => property);
      expect(broken).toEqual(figure.breaks === undefined || patched ? [] : [figure.breaks]);
    }
  });
});

test("a figure that the model cannot show is an error, so that its page is not built", () => {
  const steps = [{ call: "KVM_RESET_DIRTY_RINGS" }] as unknown as Figure["steps"];
  const figure: Figure = { title: "broken", steps, show: [] };
  expect(() => runFigure(figure, false)).toThrow(/figure "broken": KVM_RESET_DIRTY_RINGS/);
});

test("a guest's access fills stage 2 once", () => {
  expect([2, 3, 4, 5].map((step) => mapped("fault", step))).toEqual([0, 4, 8, 8]);
});

test("munmap takes three pages from stage 2, and the guest cannot go on", () => {
  expect(mapped("notifier", 4)).toBe(5);
  expect(runFigure(figures.notifier, false).result.observed[4]?.exits?.[0]).toMatchObject({
    errno: "EFAULT",
    pages: [[2, 5]],
  });
});

test.each(["gmem", "dontneed", "numa"] as const)(
  "%s: stage 2 loses everything, and nothing with the patch",
  (name) => {
    expect([mapped(name, 5), mapped(name, 6), mapped(name, 7)]).toEqual([8, 0, 8]);
    expect([mapped(name, 5, true), mapped(name, 6, true)]).toEqual([8, 8]);
  },
);

test("a hole takes its pages with the patch as well", () => {
  expect([mapped("punch", 5), mapped("punch", 5, true)]).toEqual([5, 5]);
});

test("a deleted memslot takes its pages along", () => {
  expect(mapped("memslots", 3)).toBe(8);
  const { after } = runFigure(figures.memslots, false).inspection.steps[3]!;
  expect(after.memslots.flatMap(({ slots }) => slots)).toEqual([]);
});

test("NUMA balancing takes the profiling buffer away, and the profile lacks records; not so with the patch", () => {
  const lossesOf = (patched: boolean) => {
    const { steps } = runFigure(figures.spe, patched).inspection;
    const { lost, blackoutSamples, faults } = steps[7]!.after.spe!.figures;
    return { mapped: mapped("spe", 7, patched), lost, blackoutSamples, faults };
  };
  expect(lossesOf(false)).toMatchObject({ mapped: 0, lost: 1, faults: 1 });
  expect(lossesOf(false).blackoutSamples).toBeGreaterThan(0);
  expect(lossesOf(true)).toEqual({ mapped: 8, lost: 0, blackoutSamples: 0, faults: 0 });
});

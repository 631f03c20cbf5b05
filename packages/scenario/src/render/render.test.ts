import { expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import { renderObservation } from "./observation.js";
import { renderPages } from "./pages.js";
import { renderStep } from "./step.js";

test("pages are counted with both ends, stepped ranges by their step", () => {
  expect(renderPages([[4, 8]])).toBe("pages 4-7");
  expect(renderPages([[4, 5]])).toBe("page 4");
  expect(renderPages([[0, 15, 2]])).toBe("pages 0-14 by 2");
  expect(renderPages([])).toBe("no page");
});

test("an observation is one line that says all that happened", () => {
  expect(
    renderObservation({
      ret: 0,
      notifiers: [{ event: "unmap", addr: "ram", pages: [[4, 8]], site: "unmap_vmas" }],
      faults: [{ pages: [[0, 16]], access: "write", kind: "translation" }],
    }),
  ).toBe("0; notifiers: unmap ram pages 4-7 (unmap_vmas); faults: write translation pages 0-15");
});

test("a step is its call with its arguments", () => {
  const step = {
    call: "mmap",
    args: { length: "4p", flags: ["MAP_SHARED", "MAP_FIXED"] },
    as: "ram",
  } as const;
  expect(renderStep(step)).toBe("mmap(length 4p, flags MAP_SHARED|MAP_FIXED) as ram");
});

test("an address is printed in hexadecimal, a count in decimal", () => {
  expect(renderStep({ call: "vcpu_write", args: { gpa: 0x8000_0000, length: "1p" } })).toContain(
    "gpa 0x80000000",
  );
  expect(renderStep({ call: "spe_run", args: { operations: 100_000 } })).toBe("spe_run(operations 100000)");
});

test("every step and observation of every recording is one line", () => {
  for (const { recording } of allRecordings) {
    for (const step of recording.steps) expect(renderStep(step)).not.toContain("\n");
    for (const observation of recording.observed) expect(renderObservation(observation)).toMatch(/^[^\n]+$/);
  }
});

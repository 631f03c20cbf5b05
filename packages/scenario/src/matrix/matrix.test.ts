import { expect, test } from "vitest";
import { allRecordings } from "../../test-data/recorded-files.js";
import { operationGroups } from "../library/operations/operation.js";
import { operations } from "../library/operations/operations.js";
import { matrix } from "./matrix.js";

const recordings = allRecordings.map(({ file, recording }) => ({ file, line: 1, recording }));
const gmem = matrix({ memories: ["gmem", "gmem-cold"], recordings });

const cell = (result: typeof gmem, scenario: string) =>
  result.cells.find((candidate) => candidate.scenario === scenario);

test("a cell says what an operation does to stage 2, and on what that stands", () => {
  expect(cell(gmem, "munmap-all@gmem")).toEqual({
    scenario: "munmap-all@gmem",
    operation: "munmap-all",
    memory: "gmem",
    mapped: 16,
    standsOn: "recorded",
    effect: {
      notified: 16,
      sites: ["unmap_vmas"],
      lost: 16,
      faults: 16,
      writeProtected: 0,
      aged: 0,
      failed: 0,
    },
  });
  expect(cell(gmem, "mprotect-r@gmem-cold")?.effect).toMatchObject({ notified: 0, lost: 0 });
  expect(cell(gmem, "damon-fvaddr@gmem")?.effect).toMatchObject({ aged: 16, lost: 0 });
});

test("nothing is recorded where there are no recordings of that kernel with exactly those patches", () => {
  const options = { memories: ["gmem"], recordings, site: "unmap_vmas" };
  expect(matrix({ ...options, kernel: "7.3" }).counts.recorded).toBe(0);
  expect(matrix({ ...options, patches: ["undo-c2655835fd8c"] }).counts.recorded).toBe(0);
  expect(matrix({ memories: ["gmem"], site: "unmap_vmas" }).counts.recorded).toBe(0);
});

test("with the patch of the RFC no operation takes a page from a guest_memfd-only slot unless that was asked for", () => {
  const patched = matrix({ memories: ["gmem"], recordings, patches: ["gmem-ignore-notifiers-rfc"] });
  const losing = patched.cells.filter(({ effect }) => effect !== undefined && effect.lost > 0);
  expect(losing.map(({ operation }) => operation)).toEqual([
    "madvise-remove",
    "madvise-remove-part",
    "madvise-hwpoison",
    "fd-punch-part",
    "fd-punch-all",
  ]);
  expect(patched.counts.recorded).toBeGreaterThan(20);
});

test("a site selects what reaches it, under the name that the compiler leaves as well", () => {
  const reached = matrix({ memories: ["gmem", "anon"], site: "change_pud_range" });
  expect(matrix({ memories: ["gmem", "anon"], site: "change_protection" })).toEqual(reached);
  expect(reached.operations.map(({ name }) => name)).toContain("numa-default-host");
  expect(reached.operations.map(({ name }) => name)).not.toContain("munmap-all");
  expect(reached.sites).toMatchObject([{ number: 6, status: { kind: "recorded" } }]);
});

test("a site that is out of scope is said to be so, and nothing reaches it", () => {
  const { cells, sites } = matrix({ memories: ["anon"], site: "uprobe_write" });
  expect(cells).toEqual([]);
  expect(sites[0]?.status.kind).toBe("out of scope");
});

test("what does not exist is refused, with the nearest that does", () => {
  expect(() => matrix({ memories: ["gmemm"] })).toThrow(/kind of memory "gmemm" is not built in.*gmem/);
  expect(() => matrix({ site: "unmap_vma" })).toThrow(/call site "unmap_vma" is not built in.*unmap_vmas/);
});

test("every operation is in a group, and the groups are in their order", () => {
  const groups = [...new Set(operations.map(({ group }) => group))];
  expect(groups).toEqual(operationGroups);
});

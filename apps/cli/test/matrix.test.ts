import { builtIn, type ConformInput } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { kvmm } from "./fake-context.js";

const all = builtIn.matrix({ site: "unmap_vmas" });

const matrix = (args: readonly string[], columns = 80) =>
  kvmm(["matrix", ...args], { model: builtIn, columns });

describe("the matrix", () => {
  test.each([80, 140])(
    "fits %i columns, in ASCII, and names what is recorded and what is not",
    async (columns) => {
      const model = { ...builtIn, matrix: () => all };
      const { status, stdout, stderr } = await kvmm(["matrix", "--site", "unmap_vmas"], { model, columns });
      expect([status, stderr]).toEqual([0, ""]);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what a pipe should not get
      expect(stdout).toMatch(/^[\x0a\x20-\x7e]*$/);
      expect(stdout.split("\n").filter((line) => line.length > columns)).toEqual([]);
      expect(stdout).toMatch(/munmap of a part {2,}4! {2,}4!/);
      expect(stdout).toMatch(/unmap_vmas\n {2}mm\/memory\.c: invalidate_range, MMU_NOTIFY_UNMAP\n/);
      expect(stdout).toMatch(/cells: 0 recorded, .* from source/);
      expect(stdout.includes("Raised by\n")).toBe(columns === 80);
    },
  );

  test("of one kind of memory tells faults and call sites, and ends with the census", async () => {
    const { stdout } = await matrix(["--memory", "gmem"], 120);
    expect(stdout).toMatch(/munmap {2,}16 {2,}\. {2,}\. {2,}16 {2,}\. {2,}unmap_vmas\n/);
    const census = stdout.slice(stdout.indexOf("The kernel's call sites"));
    expect(census).toMatch(/ {2}recorded: \d+ of \d+\n {2}from source: zap_vma_for_reaping/);
    expect(census).toContain("uprobe_write (uprobes:");
  });

  test("of a site that is out of scope says why", async () => {
    const { status, stdout } = await matrix(["--memory", "anon", "--site", "uprobe_write"]);
    expect(stdout).toContain("out of scope: uprobes: of a program's text, not of a guest's memory");
    expect(stdout).toContain("No operation of the matrix reaches uprobe_write.");
    expect(status).toBe(0);
  });

  test("is one document with --json", async () => {
    const { stdout } = await matrix(["--memory", "anon", "--site", "wp_page_copy", "--json"]);
    const { cells, sites, memories } = JSON.parse(stdout);
    expect(memories).toHaveLength(1);
    expect(sites).toMatchObject([{ number: 4 }]);
    expect(cells.map(({ scenario }: { scenario: string }) => scenario)).toContain("fork-parent-write@anon");
  });

  test.each([
    ["--memory", "gmen", 'kind of memory "gmen" is not built in; did you mean gmem?'],
    ["--site", "unmap_vma", 'call site "unmap_vma" is not built in; did you mean unmap_vmas?'],
  ])("%s %s is refused in one line", async (option, value, message) => {
    const { status, stdout, stderr } = await matrix([option, value]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr.replaceAll('"', "").trim()).toContain(message.replaceAll('"', ""));
  });
});

test("a star says that a recording of the same is reproduced", async () => {
  const entry = builtIn.hostOperations.find(({ name }) => name === "munmap-all@anon")!;
  const { observed } = builtIn.runScenario(entry.scenario, { kernel: "7.2" });
  const recording = {
    id: entry.name,
    machine: { kernel: "7.2.13+deb14-arm64", arch: "arm64" as const, nodes: 2 },
    steps: entry.scenario.steps,
    observed,
  };
  const inputs: readonly ConformInput[] = [{ file: "mine.jsonl", line: 1, recording }];
  const { cells } = builtIn.matrix({ memories: ["anon"], site: "unmap_vmas", recordings: inputs });
  expect(cells.filter(({ standsOn }) => standsOn === "recorded").map(({ scenario }) => scenario)).toEqual([
    "munmap-all@anon",
  ]);
});

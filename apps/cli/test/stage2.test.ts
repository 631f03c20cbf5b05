import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { builtIn } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { recordings, kvmm as run } from "./fake-context.js";

const kvmm = (args: readonly string[], world: { readonly stdin?: string } = {}) =>
  run(["stage2", ...args], { model: builtIn, ...world });
const sample = (name: string) =>
  fileURLToPath(
    new URL(`../../../packages/arm64-stage2/test/samples/stage2_page_tables-${name}.txt`, import.meta.url),
  );
const blocks = sample("blocks");
const pages = sample("4k");
const recorded = `${recordings("7.2.13-lab-arm64/stage2.jsonl")}#stage2-thp-shmem`;

const folder = mkdtempSync(join(tmpdir(), "kvmm-stage2-"));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("kvmm stage2 dump", () => {
  test("prints a kernel's file as it is, and standard input", async () => {
    const text = readFileSync(blocks, "utf8");
    expect(await kvmm(["dump", blocks])).toEqual({ status: 0, stdout: text, stderr: "" });
    expect(await kvmm(["dump", "-"], { stdin: text })).toEqual({ status: 0, stdout: text, stderr: "" });
  });

  test("--json has the ranges as recordings have them", async () => {
    const { stdout } = await kvmm(["dump", pages, "--json"]);
    const { tables, ipa_range, stage2, error } = JSON.parse(stdout);
    expect({ tables, ipa_range, error }).toEqual({ tables: pages, ipa_range: null, error: null });
    expect(stage2[7]).toEqual(["0x80000000", "0x80004000", 3, "R W PXNUXN AF"]);
  });

  test("runs a recording, and shows a step of it as the kernel did", async () => {
    const { recording } = JSON.parse(
      `{"recording":${readFileSync(recordings("7.2.13-lab-arm64/stage2.jsonl"), "utf8")
        .split("\n")
        .find((line) => line.includes('"stage2-thp-shmem"'))}}`,
    );
    for (const step of [6, 8]) {
      const { status, stdout } = await kvmm(["dump", recorded, "--step", String(step), "--json"]);
      expect(status).toBe(0);
      expect(JSON.parse(stdout).stage2).toEqual(recording.observed[step].stage2);
      expect((await kvmm(["dump", `${recorded}@${step}`, "--json"])).stdout).toBe(stdout);
    }
    const whole = JSON.parse((await kvmm(["dump", recorded, "--whole", "--json"])).stdout);
    expect(whole.stage2.at(-1)).toEqual(["0xc0000000", "0x10000000000", 1, ""]);
  });

  test("stops where a file makes no sense, after what came before, with the line", async () => {
    const bad = file(
      "bad.txt",
      `${readFileSync(pages, "utf8").split("\n").slice(0, 4).join("\n")}\nrubbish\n`,
    );
    const { status, stdout, stderr } = await kvmm(["dump", bad]);
    expect(status).toBe(2);
    expect(stdout.split("\n")).toHaveLength(5);
    expect(stderr).toBe(`kvmm: ${bad}:5:1: "rubbish" is no range of a stage-2 dump\n`);
    expect((await kvmm(["diff", bad, pages])).status).toBe(2);
  });

  test.each<[string, readonly string[], string]>([
    ["a file that is not there", ["dump", "nothing.txt"], "does not exist"],
    ["a step that is none", ["dump", recorded, "--step", "-1"], "the first is 0"],
    ["a step beyond the last", ["dump", `${recorded}@11`], "has no step 11; it has 11 steps, counted from 0"],
    ["two steps", ["dump", `${recorded}@1`, "--step", "2"], "choose one"],
    ["a step of a kernel's file", ["dump", pages, "--step", "0"], "has no steps"],
  ])("refuses %s", async (_what, args, message) => {
    const { status, stdout, stderr } = await kvmm(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("kvmm stage2 diff", () => {
  test("says where two files differ, and ends with 1", async () => {
    const { status, stdout } = await kvmm(["diff", blocks, pages]);
    expect(status).toBe(1);
    expect(stdout).toContain("0x80200000-0x80400000     level 2 R PXNUXN AF BLK -> level 2 hole\n");
    expect(stdout).toContain("4 ranges differ\n");
  });

  test("ends with 0 for the same, whoever printed it: the kernel leaves the last range out", async () => {
    const printed = file("printed.txt", (await kvmm(["dump", `${recorded}@6`])).stdout);
    expect(await kvmm(["diff", printed, `${recorded}@6`])).toEqual({
      status: 0,
      stdout: "the tables say the same\n",
      stderr: "",
    });
  });

  test("compares steps of a recording, also as JSON", async () => {
    const { status, stdout } = await kvmm(["diff", `${recorded}@6`, `${recorded}@7`, "--json"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      same: false,
      differences: [
        {
          first: "0x80200000",
          end: "0x80400000",
          before: { level: 2, attributes: "" },
          after: { level: 2, attributes: "R W PXNUXN AF BLK" },
        },
      ],
    });
  });
});

describe("kvmm stage2 walk", () => {
  test("shows the entry of each level, down to the page", async () => {
    const { status, stdout } = await kvmm(["walk", pages, "0x80001234"]);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: [
        "0x80001234",
        "  level 1  entry 2     0x80000000-0xc0000000     table",
        "  level 2  entry 0     0x80000000-0x80200000     table",
        "  level 3  entry 1     0x80001000-0x80002000     page: readable, writable, not executable, access flag set",
        "",
      ].join("\n"),
    });
  });

  test("ends with 1 at a hole", async () => {
    const { status, stdout } = await kvmm(["walk", pages, "0x0", "--json"]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ ipa: "0x0", mapped: false });
    expect(JSON.parse(stdout).walk.at(-1).attributes).toBe("");
  });

  test("finds what a recording has mapped by a block", async () => {
    const { stdout } = await kvmm(["walk", recorded, "0x80012345", "--step", "6"]);
    expect(stdout).toContain("level 2  entry 0     0x80000000-0x80200000     block: readable, writable");
  });

  test.each<[string, readonly string[], string]>([
    [
      "what the kernel did not print",
      ["0xffffffff0000", "--ipa-bits", "48"],
      "says nothing of 0xffffffff0000",
    ],
    ["an address beyond the space", ["0x10000000000"], "beyond the 40 bits of the IPA space"],
    ["no address", ["here"], "a number of at most 52 bits"],
    [
      "another page size",
      ["0x80000000", "--page-size", "64K"],
      "no whole entries of level 3, of 0x10000 bytes",
    ],
    ["a level that there is not", ["0x40000000", "--ipa-bits", "34"], "34 bits begin at level 2"],
  ])("refuses %s", async (_what, args, message) => {
    const { status, stderr } = await kvmm(["walk", pages, ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("kvmm stage2 decode", () => {
  test("takes a block apart", async () => {
    const { status, stdout } = await kvmm(["decode", "0x400001000007d9", "--level", "2"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^kind +block\noutput +0x100000000\naccess +read, write\nexecute +nobody \(XN 2\)\n/,
    );
    expect(stdout).toMatch(/^memory +normal \(MemAttr 6, FWB\)$/m);
    expect(stdout).toMatch(/^shareability +inner \(SH 3\)$/m);
  });

  test("reads the fields by the machine", async () => {
    const word = ["decode", "0x4000010000033d", "--level", "2"];
    expect((await kvmm(word)).stdout).toMatch(/^memory +other/m);
    const bare = JSON.parse((await kvmm([...word, "--no-fwb", "--json"])).stdout);
    expect(bare).toMatchObject({ descriptor: "0x4000010000033d", level: 2, memory_type: "normal" });
    const wide = JSON.parse(
      (await kvmm(["decode", "0x400001000004db", "--level", "3", "--lpa2", "--json"])).stdout,
    );
    expect(wide).toMatchObject({ kind: "page", pa: "0x100000000", shareability: 0 });
  });

  test.each<[string, string, RegExp]>([
    ["0", "3", /^kind +empty/],
    ["0x1000000000000000", "3", /^type +1 \(Locked\)$/m],
    ["0x80003003", "1", /^points to +0x80003000$/m],
    ["0x1", "3", /^kind +valid, but of no type/],
  ])("says what %s at level %s is", async (descriptor, level, text) => {
    expect((await kvmm(["decode", descriptor, "--level", level])).stdout).toMatch(text);
  });

  test.each<[readonly string[], string]>([
    [["0x10000000000000000", "--level", "3"], "a number of at most 64 bits"],
    [["0x1", "--level", "4"], "a level from 0 to 3"],
    [["0x1"], "--level"],
    [["0x1", "--level", "3", "--page-size", "64K", "--lpa2"], "LPA2 is for 4K and 16K pages"],
  ])("refuses %j", async (args, message) => {
    const { status, stderr } = await kvmm(["decode", ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

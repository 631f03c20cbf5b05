import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { kvmm } from "../src/generate/commands.js";
import { docs, root } from "../src/generate/workspace.js";
import { type Block, blocks, matches } from "./examples.js";

const all = blocks();
// Inside of the application, so that its packages are found.
const scratch = `${docs}.examples`;
let directory = "";

beforeAll(() => {
  mkdirSync(scratch, { recursive: true });
  directory = mkdtempSync(join(tmpdir(), "kvmm-docs-"));
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
  rmSync(directory, { recursive: true, force: true });
});

const nameOf = ({ page, line }: Block) => `${page}:${line}`;

describe("programs on the pages run, and print what the page says", () => {
  const programs = all.flatMap((block, index) => {
    const next = all[index + 1];
    const output = next?.words.includes("output") ? next.body : undefined;
    return block.words.includes("run") ? [{ name: nameOf(block), block, output }] : [];
  });
  test("there are some", () => expect(programs.length).toBeGreaterThan(4));
  test.each(programs)("$name", async ({ name, block, output }) => {
    const file = `${scratch}/${name.replaceAll(/[^\w]/g, "-")}.ts`;
    writeFileSync(file, block.body);
    const printed: string[] = [];
    const log = vi
      .spyOn(console, "log")
      .mockImplementation((...words) => void printed.push(words.map(shown).join(" ")));
    await import(/* @vite-ignore */ pathToFileURL(file).href);
    log.mockRestore();
    expect(printed.join("\n")).toBe(output?.trimEnd() ?? "");
  });
});

describe("commands on the pages run, and print what the page says", () => {
  const commands = all.filter(({ language }) => language === "console");
  test("there are some", () => expect(commands.length).toBeGreaterThan(3));
  test.each(commands.map((block) => ({ name: nameOf(block), block })))("$name", ({ block }) => {
    const [first = "", ...output] = block.body.split("\n");
    const args = first.replace(/^\$ kvmm /, "").split(" ");
    const word = (name: string) =>
      block.words.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const file = word("file");
    if (file !== undefined) writeFileSync(join(directory, file), fileOnPage(block.page, file));
    const printed = kvmm(args, file === undefined ? root : directory);
    expect(matches(printed, output.join("\n")), printed).toBe(true);
  });
});

/** The block of a page that begins with `# NAME`. */
function fileOnPage(page: string, name: string): string {
  const block = all.find((each) => each.page === page && each.body.startsWith(`# ${name}`));
  if (block === undefined) throw new Error(`${page} has no block that begins with "# ${name}"`);
  return block.body;
}

function shown(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return `{ ${Object.entries(value)
    .map(([name, field]) => `${name}: ${String(field)}`)
    .join(", ")} }`;
}

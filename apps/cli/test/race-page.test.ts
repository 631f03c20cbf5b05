import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Model } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { aRace } from "./a-race.js";
import { kvmm, replaying, result } from "./fake-context.js";

const scenario = 'title: "<b>Races</b> & co"\nsteps: []\n';
const breaking: Model = {
  ...replaying,
  runScenario: (s) =>
    result(s, [], {
      verdict: "breaks",
      sentence: "the cache reads a page that was freed",
      violations: [
        {
          property: "no use after free",
          text: "<script>alert(1)</script>",
          why: 'Nobody told "the cache".',
          race: aRace,
        },
      ],
    }),
};
const folder = () => mkdtempSync(join(tmpdir(), "kvmm-page-"));

async function exported(model: Model, file: string, ...more: string[]) {
  return await kvmm(["run", "-", "--export", file, ...more], { model, stdin: scenario });
}

async function pageOf(...more: string[]): Promise<string> {
  const file = join(folder(), "race.html");
  const { status, stderr } = await exported(breaking, file, ...more);
  expect({ status, stderr }).toEqual({ status: 1, stderr: "" });
  return readFileSync(file, "utf8");
}

describe("run --export", () => {
  test("writes a lane for each thread, the changes beside the steps, and the sentences", async () => {
    const page = await pageOf();
    for (const thread of aRace.threads) expect(page).toContain(`<th scope="col">${thread}</th>`);
    expect(page).toContain("<code>truncate_inode_pages_range()</code>");
    expect(page).toContain("<td>pfn 0x40003: free</td>");
    expect(page).toContain("<em>kernel is preempted</em>");
    expect(page.match(/<em>goes wrong here<\/em>/g)).toHaveLength(1);
    expect(page).toContain("<p>the cache reads a page that was freed</p>");
    expect(page).toContain("3 steps, 1 preemption, the fewest there can be.");
    expect(page).toContain("kernel 7.2, arm64");
  });

  test("escapes all that comes from elsewhere", async () => {
    const page = await pageOf();
    expect(page).toContain("&lt;b&gt;Races&lt;/b&gt; &amp; co");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(page).toContain("Nobody told &quot;the cache&quot;.");
    expect(page).not.toMatch(/<script|<b>/);
  });

  test("asks for nothing from anywhere, and follows the reader's colours", async () => {
    const page = await pageOf();
    expect(page).not.toMatch(/\b(?:src|href)=|https?:|url\(|@import/);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("@media (prefers-color-scheme: dark)");
  });

  test("has every step with --all-steps", async () => {
    expect(await pageOf()).not.toContain("releases gpc-&gt;lock");
    expect(await pageOf("--all-steps")).toContain("releases gpc-&gt;lock");
  });

  test("replaces a file, and leaves nothing beside it", async () => {
    const directory = folder();
    const file = join(directory, "race.html");
    writeFileSync(file, "before");
    await exported(breaking, file);
    expect(readdirSync(directory)).toEqual(["race.html"]);
    expect(readFileSync(file, "utf8")).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  test("ends with 2 where it cannot write, and leaves nothing", async () => {
    const directory = folder();
    const { status, stdout, stderr } = await exported(breaking, join(directory, "no", "race.html"));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(/^kvmm: .*race\.html cannot be written: ENOENT\n$/);
    expect((await exported(breaking, directory)).stderr).toContain("cannot be written: EISDIR");
    expect(readdirSync(directory)).toEqual([]);
  });

  test("writes nothing where there is no race, and says so", async () => {
    const directory = folder();
    const file = join(directory, "race.html");
    const { status, stderr } = await exported(replaying, file);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: `kvmm: there is no race to be shown; ${file} is not written\n`,
    });
    expect(readdirSync(directory)).toEqual([]);
  });
});

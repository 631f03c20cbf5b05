import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { figureProblems } from "./drawn-figures.js";
import { linkProblems } from "./links.js";
import { pageWeight, weightProblems } from "./weights.js";

let dist = "";
beforeEach(() => {
  dist = mkdtempSync(join(tmpdir(), "kvmm-site-"));
});
afterEach(() => rmSync(dist, { recursive: true, force: true }));

function page(path: string, html: string): void {
  mkdirSync(dirname(join(dist, path)), { recursive: true });
  writeFileSync(join(dist, path), html);
}

describe.each(["/", "/kvmm/", "/x/y/"])("a site under %s", (base) => {
  const problemsOf = (link: string) => {
    page("index.html", `<h2 id="top">Start</h2>${link}`);
    page("how/index.html", '<h2 id="numa">NUMA</h2>');
    page("playground.html", "");
    return linkProblems(dist, base, ["index.html", "how/index.html", "playground.html"]);
  };

  test.each([
    `<a href="${base}how/">`,
    `<a href="${base}how/#numa">`,
    `<a href="./how/index.html">`,
    `<a href="${base}playground.html#example=munmap-all%40gmem">`,
    `<a href="#top">`,
    `<a href="https://example.org/">`,
  ])("has no problem with %s", (link) => {
    expect(problemsOf(link)).toEqual([]);
  });

  test.each([
    [`<a href="${base}nowhere">`, "there is no nowhere.html"],
    [`<a href="${base}how/#nothing">`, "how/index.html has no nothing"],
    [`<a href="#bottom">`, "index.html has no bottom"],
    [`<script src="https://cdn.example.org/x.js">`, "asks another host for https://cdn.example.org/x.js"],
    [`<link rel="icon" href="//example.org/x.png">`, "asks another host for //example.org/x.png"],
  ])("is told of %s", (link, problem) => {
    const problems = problemsOf(link);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

test("a link that leaves the base path is a problem", () => {
  page("index.html", '<a href="/how/">');
  expect(linkProblems(dist, "/kvmm/", ["index.html"])).toEqual(["index.html: /how/ is outside of /kvmm/"]);
});

test("a figure that was not drawn is a problem", () => {
  const source = '<LiveFigure name="host" />\n<LiveFigure name="fault" />\n<SpeFigure />';
  const drawn = '<figure data-figure="host"></figure><figure data-figure="spe-record"></figure>';
  expect(figureProblems("how/index.html", source, drawn)).toEqual([
    "how/index.html: the figure fault is not drawn: its code failed",
  ]);
});

describe("a page", () => {
  const script = (name: string, size: number, source = "") => {
    const bytes = Buffer.alloc(size);
    for (let i = 0, x = 1; i < size; i++) {
      x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
      bytes[i] = x >>> 24;
    }
    mkdirSync(join(dist, "assets"), { recursive: true });
    writeFileSync(join(dist, "assets", name), `${source}//${bytes.toString("base64")}`);
  };

  test("weighs what its HTML, scripts and styles do, and no more than it may", () => {
    script("app.js", 400_000);
    page("index.html", "");
    expect(weightProblems(dist, "/kvmm/", ["index.html"])).toEqual([]);
    page("index.html", '<script type="module" src="/kvmm/assets/app.js"></script>');
    expect(pageWeight(dist, "/kvmm/", "index.html").first).toBeGreaterThan(200_000);
    expect(weightProblems(dist, "/kvmm/", ["index.html"])[0]).toMatch(
      /index.html weighs \d+ kB, and may be 110 kB/,
    );
  });

  test("weighs later what its scripts ask for, workers too, each once and nothing that is there already", () => {
    script("app.x.js", 1000, 'import("./search.js");');
    script("search.js", 100_000);
    script("how_index.md.x.js", 1000, 'import"./app.x.js";import("./figure.js");');
    script(
      "figure.js",
      20_000,
      'new Worker("/kvmm/assets/worker.js");import"./app.x.js";import"./figure.js";',
    );
    script("worker.js", 30_000);
    page(
      "how/index.html",
      '<script type="module" src="/kvmm/assets/app.x.js"></script><link rel="modulepreload" href="/kvmm/assets/how_index.md.x.js">',
    );
    const { first, later } = pageWeight(dist, "/kvmm/", "how/index.html");
    expect(first).toBeLessThan(10_000);
    expect(later).toBeGreaterThan(35_000);
    expect(later).toBeLessThan(80_000);
  });
});

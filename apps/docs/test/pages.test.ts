import { readdirSync, readFileSync, statSync } from "node:fs";
import { readScenario } from "@kvmm/scenario";
import { expect, test } from "vitest";
import { sidebar } from "../.vitepress/sidebar.js";
import { docs, packageNames, root } from "../src/generate/workspace.js";
import { blocks, matches } from "./examples.js";

interface Item {
  readonly link?: string;
  readonly items?: readonly Item[];
}

const linksOf = (items: readonly Item[]): string[] =>
  items.flatMap(({ link, items: own = [] }) => [...(link === undefined ? [] : [link]), ...linksOf(own)]);
const links = linksOf(sidebar as readonly Item[]);

test("every page is in the side bar once, and the side bar names no others", () => {
  const pages = readdirSync(`${docs}pages`, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `/${file.replace(/(index)?\.md$/, "")}`);
  expect([...links].sort()).toEqual(pages.sort());
});

test("each package has its page and its API", () => {
  for (const name of packageNames) {
    expect(links).toContain(`/packages/${name}`);
    expect(links).toContain(`/reference/api/${name}`);
  }
});

test("every scenario on the pages is one", () => {
  const scenarios = blocks().filter(({ language }) => language === "yaml");
  expect(scenarios.length).toBeGreaterThan(3);
  for (const { page, line, body } of scenarios)
    expect(readScenario(body, { file: `${page}:${line}` }).steps.length).toBeGreaterThan(0);
});

test("every property that a verdict can name is explained", () => {
  const sources = [
    ...["properties", "run"].map((part) => `packages/scenario/src/${part}/`),
    "packages/arm64-stage2/src/fault/",
  ].flatMap((part) =>
    readdirSync(`${root}${part}`)
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => readFileSync(`${root}${part}${file}`, "utf8")),
  );
  const names = sources.flatMap((source) =>
    [
      ...source.matchAll(/\b(?:name|property): "([^"]+)"/g),
      ...source.matchAll(/return "(no [^"]+)"/g),
      ...source.matchAll(/"(no [a-z ]+'s)"/g),
      ...source.matchAll(/SPE_BUFFER_STAYS_MAPPED = "([^"]+)"/g),
    ].map(([, name]) => name!),
  );
  expect(names.length).toBeGreaterThan(12);
  const page = readFileSync(`${docs}pages/verdicts.md`, "utf8");
  expect([...new Set(names)].filter((name) => !page.includes(name))).toEqual([]);
});

test("output that is not what the page says is told from it", () => {
  expect(matches("reads\nmaps 4 pages\nholds\n", "...\nmaps ... pages\n...")).toBe(true);
  expect(matches("reads\nmaps 4 pages\n", "...\nmaps 5 pages")).toBe(false);
  expect(matches("reads\nholds\n", "reads")).toBe(false);
});

test("the README's pictures are there, and weigh little", () => {
  const pictures = [...readFileSync(`${root}README.md`, "utf8").matchAll(/\]\(([^)]+\.png)\)/g)].map(
    ([, path]) => path!,
  );
  expect(pictures.length).toBeGreaterThan(0);
  expect(pictures.reduce((sum, path) => sum + statSync(`${root}${path}`).size, 0)).toBeLessThan(400_000);
});

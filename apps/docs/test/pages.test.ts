import { readdirSync, readFileSync, statSync } from "node:fs";
import { readScenario } from "@kvmm/scenario";
import { expect, test } from "vitest";
import { sidebar } from "../.vitepress/sidebar.js";
import { docs, packageNames, root } from "../src/generate/workspace.js";
import { blocks } from "./examples.js";

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

test("the README's pictures are there, and weigh little", () => {
  const pictures = [...readFileSync(`${root}README.md`, "utf8").matchAll(/\]\(([^)]+\.png)\)/g)].map(
    ([, path]) => path!,
  );
  expect(pictures.length).toBeGreaterThan(0);
  expect(pictures.reduce((sum, path) => sum + statSync(`${root}${path}`).size, 0)).toBeLessThan(400_000);
});

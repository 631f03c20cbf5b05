import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { seriousProblems } from "./axe.js";
import { hasChromium, viewports } from "./browser.js";
import { dist } from "./serve.js";
import { visit } from "./visitor.js";
import { sees, withSite } from "./with-site.js";

/** Milliseconds for tests that open every page, on a machine that has other things to do. */
const A_LOT = 300_000;

/** One of each kind, and those with figures. */
const looked = [
  "index",
  "verdicts",
  "how/index",
  "playground",
  "findings",
  "fidelity",
  "recipes/use-a-package",
  "reference/patches",
  "reference/calls",
  "packages/interleave",
];

describe.skipIf(!hasChromium)("every page", () => {
  const here = withSite();

  test(
    "fits a phone, and raises no error and no outside request",
    async () => {
      const pages = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
        (file) => file.endsWith(".html") && file !== "404.html",
      );
      const { page, context, problems } = await visit(here.browser, here.site, "phone");
      const wide: string[] = [];
      for (const path of pages) {
        await page.goto(`${here.site.url}${path}`, { waitUntil: "load" });
        if (path === "playground.html") await page.locator(".steps .call").first().waitFor();
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        if (width > viewports.phone.width) wide.push(`${path}: ${width}`);
      }
      await context.close();
      expect(pages.length).toBeGreaterThan(25);
      expect(wide).toEqual([]);
      expect(problems).toEqual([]);
    },
    A_LOT,
  );

  test(
    "has no serious problem for axe, light and dark",
    async () => {
      const context = await here.browser.newContext({
        viewport: viewports.desktop,
        colorScheme: "light",
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      const found: string[] = [];
      for (const path of looked) {
        await page.emulateMedia({ colorScheme: "light" });
        await page.goto(`${here.site.url}${path}.html`, { waitUntil: "load" });
        if (path === "playground") await page.locator(".machine").waitFor();
        const light = await seriousProblems(page);
        // The same page in other colours: nothing else can have changed.
        await page.emulateMedia({ colorScheme: "dark" });
        await page.locator("html.dark").waitFor();
        const dark = await seriousProblems(page, ["color-contrast"]);
        found.push(...light.map((problem) => `${path}: ${problem}`));
        found.push(...dark.map((problem) => `${path}, dark: ${problem}`));
      }
      await context.close();
      expect(found).toEqual([]);
    },
    A_LOT,
  );

  test("the page about benchmarks says what the pages of this build weigh", async () => {
    const weights = JSON.parse(readFileSync(`${dist}/weights.json`, "utf8"));
    const context = await here.browser.newContext({ viewport: viewports.desktop });
    const page = await context.newPage();
    await page.goto(`${here.site.url}benchmarks.html`);
    const row = page.locator(".page-weights tr", { hasText: "How guest memory stays mapped" });
    await sees(row, `${weights["how/index.html"].first} kB`);
    await sees(row, `${weights["how/index.html"].later} kB`);
    await context.close();
  });

  test("moves nothing for those who asked for that", async () => {
    const context = await here.browser.newContext({ viewport: viewports.desktop, reducedMotion: "reduce" });
    const page = await context.newPage();
    await page.goto(`${here.site.url}how/`);
    const duration = await page
      .locator(".cell")
      .first()
      .evaluate((cell) => getComputedStyle(cell).transitionDuration);
    expect(duration).toBe("0s");
    await context.close();
  });
});

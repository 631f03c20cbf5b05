// `tsx e2e/screenshots.ts DIRECTORY [PAGE...]`: every page of the built site, in both widths and themes, to be looked at.
import { mkdirSync, readdirSync } from "node:fs";
import { launch, viewports } from "./browser.js";
import { dist, serve } from "./serve.js";

const [directory = "screenshots", ...wanted] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });

const all = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".html") && file !== "404.html",
);
const pages = wanted.length > 0 ? wanted : all.sort();

const site = await serve();
const browser = await launch();
for (const [width, viewport] of Object.entries(viewports)) {
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
    const page = await context.newPage();
    for (const path of pages) {
      await page.goto(`${site.url}${path}`, { waitUntil: "networkidle" });
      if (path.startsWith("playground")) await page.locator(".steps .call").first().waitFor();
      const name = path.replaceAll(/[/#=@%]/g, "-").replace(/\.html/, "");
      const isLong = path.startsWith("reference/api") || path.startsWith("reference/calls");
      await page.screenshot({ path: `${directory}/${name}-${width}-${colorScheme}.png`, fullPage: !isLong });
    }
    await context.close();
  }
}
await browser.close();
await site.close();

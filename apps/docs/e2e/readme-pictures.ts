// `npm run docs:pictures`: the pictures of the README, from the built site.
import { mkdirSync, statSync } from "node:fs";
import type { Locator, Page } from "playwright-core";
import { docs } from "../src/generate/workspace.js";
import { launch } from "./browser.js";
import { serve } from "./serve.js";

const RFC = "gmem-ignore-notifiers-rfc";
const directory = `${docs}pictures/`;
mkdirSync(directory, { recursive: true });

const site = await serve();
const browser = await launch();

/** The playground with an example, in a window of this height. */
async function playground(example: string, height: number): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1180, height }, colorScheme: "light" });
  await page.goto(`${site.url}playground.html#example=${encodeURIComponent(example)}`);
  await page.locator(".steps .call").first().waitFor();
  return page;
}

async function picture(of: Page | Locator, name: string): Promise<void> {
  const path = `${directory}${name}.png`;
  await of.screenshot({ path });
  console.log(`${path}: ${Math.round(statSync(path).size / 1000)} kB`);
}

const steps = await playground("madvise-dontneed@gmem", 1040);
await steps.locator(".steps .call", { hasText: "madvise" }).click();
await steps.evaluate(() => {
  (document.activeElement as HTMLElement).blur();
  scrollTo(0, 0);
});
await picture(steps, "steps");

const race = await playground("pfncache-dontneed@gmem-anon", 1600);
await race.getByLabel(RFC, { exact: true }).check();
await race.locator(".lanes tr.now").waitFor();
await picture(race.locator(".outcome"), "race");

await browser.close();
await site.close();

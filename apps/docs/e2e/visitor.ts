import type { Browser, BrowserContext, Page } from "playwright-core";
import { viewports } from "./browser.js";
import type { Site } from "./serve.js";

/** A browser window, and what went wrong in it. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Errors on the console, exceptions, requests that failed or left the site. */
  readonly problems: string[];
}

export async function visit(browser: Browser, site: Site, width: keyof typeof viewports): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: viewports[width],
    hasTouch: width === "phone",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const problems: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  const { origin } = new URL(site.url);
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) problems.push(`outside request: ${url}`);
  });
  context.on("response", (response) => {
    if (response.status() >= 400) problems.push(`${response.status()}: ${response.url()}`);
  });
  return { page, context, problems };
}

import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { launch, type viewports } from "./browser.js";
import { type Site, serve } from "./serve.js";
import { type Visitor, visit } from "./visitor.js";

/** The built site and a browser, for the tests around the call. */
export function withSite(): { readonly site: Site; readonly browser: Browser } {
  let site: Site | undefined;
  let browser: Browser | undefined;
  beforeAll(async () => {
    site = await serve();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });
  return {
    get site() {
      return site!;
    },
    get browser() {
      return browser!;
    },
  };
}

/** A window of its own for each test, in which nothing may go wrong. */
export function withVisitor(
  here: ReturnType<typeof withSite>,
  width: keyof typeof viewports,
): { readonly page: Page } {
  let visitor: Visitor | undefined;
  beforeEach(async () => {
    visitor = await visit(here.browser, here.site, width);
  });
  afterEach(async () => {
    await visitor?.context.close();
    expect(visitor?.problems).toEqual([]);
  });
  return {
    get page() {
      return visitor!.page;
    },
  };
}

/** Waits until the element holds `wanted`. */
export async function sees(where: Locator, wanted: string | RegExp): Promise<void> {
  await where.filter({ hasText: wanted }).first().waitFor();
}

import type { Locator, Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { chromiumPath, hasChromium, type viewports } from "./browser.js";
import { visit } from "./visitor.js";
import { sees, withSite, withVisitor } from "./with-site.js";

if (!hasChromium)
  console.warn(
    `no Chromium at ${chromiumPath}: the walks through the site are skipped (apt-get install chromium)`,
  );

const RFC = "gmem-ignore-notifiers-rfc";
/** A race in which the RFC lets KVM use a page that was freed. */
const RACE = "pfncache-dontneed@gmem-anon";

describe.skipIf(!hasChromium).each<keyof typeof viewports>(["desktop", "phone"])(
  "a newcomer on a %s",
  (width) => {
    const here = withSite();
    const visitor = withVisitor(here, width);
    let page: Page;
    beforeEach(() => {
      page = visitor.page;
    });

    async function playground(hash = ""): Promise<void> {
      await page.goto(`${here.site.url}playground.html${hash}`);
      await page.locator(".steps .call").first().waitFor();
    }
    const heading = () => page.locator(".machine h2");
    const verdict = () => page.locator(".verdict");

    test("answers the first question from the first page, and shows why, within a minute and three clicks", async () => {
      const begun = performance.now();
      let clicks = 0;
      const click = async (where: Locator) => {
        clicks++;
        await where.click();
      };
      await page.goto(here.site.url);
      // The question and its answer stand on the first page; the rest is to be convinced.
      const question = page.locator(".questions dt", { hasText: "madvise(MADV_DONTNEED)" });
      const answer = question.locator("xpath=following-sibling::dd[1]");
      await sees(answer, "Yes: stage 2 loses the pages");
      await click(answer.getByRole("link", { name: "Step through it" }));
      const figure = page.locator('[data-figure="dontneed"]');
      await figure.getByRole("img", { name: "stage 2: nothing" }).waitFor();
      await click(figure.getByRole("button", { name: "Step", exact: true }));
      await sees(figure, "read translation pages 0-7");
      await click(figure.getByLabel(`with ${RFC}`));
      await sees(figure.locator(".differs"), "without the patch: faults read translation pages 0-7");
      expect(clicks).toBeLessThanOrEqual(3);
      expect(performance.now() - begun).toBeLessThan(60_000);

      await figure.getByRole("button", { name: "Back" }).click();
      await figure.getByRole("img", { name: "stage 2: mapped, writable: pages 0-7" }).waitFor();
    });

    test("runs the RFC's scenario, toggles the patch, sees the difference, steps back and forth", async () => {
      await page.goto(here.site.url);
      await page.locator(".vp-doc").getByRole("link", { name: "playground" }).first().click();
      await sees(verdict(), "holds");
      await sees(page.locator(".steps"), "MMU notifier");
      await sees(page.locator(".steps .fault"), "read translation pages 0-15");

      await page.getByLabel(RFC, { exact: true }).check();
      await sees(page.locator(".differs"), "without the patch: faults read translation pages 0-15");
      await page.getByLabel(RFC, { exact: true }).uncheck();
      await page.locator(".differs").first().waitFor({ state: "detached" });

      await sees(heading(), "After step 7");
      const bar = page.getByRole("group", { name: "Steps of the scenario" });
      await bar.getByRole("button", { name: "Back" }).click();
      await bar.getByRole("button", { name: "Back" }).press("ArrowLeft");
      await sees(heading(), "After step 5");
      await page.locator(".machine").getByRole("img", { name: "stage 2: nothing" }).waitFor();
      await bar.getByRole("button", { name: "Step", exact: true }).click();
      await page
        .locator(".machine")
        .getByRole("img", { name: "stage 2: mapped, writable: pages 0-15" })
        .waitFor();
      await page.locator(".machine .cell.changed").first().waitFor();
      await bar.getByRole("button", { name: "first" }).click();
      await sees(heading(), "Before the first step");
    });

    test("explores a race, and steps through the counterexample", async () => {
      await playground(`#example=${encodeURIComponent(RACE)}`);
      await page.getByLabel(RFC, { exact: true }).check();
      await sees(verdict(), "breaks");
      const lanes = page.locator(".lanes");
      await lanes.locator("tr.now").waitFor();
      const count = await lanes.locator("tbody tr").count();
      expect(count).toBeGreaterThan(5);
      await sees(lanes.locator("output"), `step ${count} of ${count}`);
      await lanes.getByRole("button", { name: "Back" }).click();
      await sees(lanes.locator("output"), `step ${count - 1} of ${count}`);
      await lanes
        .locator("tr.now")
        .getByRole("button", { name: `go to step ${count - 1}` })
        .waitFor();
      await lanes.getByRole("button", { name: "go to step 2", exact: true }).click();
      await sees(lanes.locator("output"), `step 2 of ${count}`);
      for (const thread of ["kernel", "vmm"])
        await lanes.getByRole("columnheader", { name: thread }).waitFor();
    });

    test("opens a shared link, and is where the other one was", async () => {
      await playground();
      await page.getByLabel(RFC, { exact: true }).check();
      await page.locator(".differs").first().waitFor();
      await page
        .getByRole("group", { name: "Steps of the scenario" })
        .getByRole("button", { name: "Back" })
        .click();
      await sees(heading(), "After step 6");
      await page.waitForFunction(() => location.hash.startsWith("#s="));
      await page.getByRole("button", { name: "Copy the link" }).click();
      await sees(page.locator(".actions output"), "clipboard");
      const link = await page.evaluate(() => navigator.clipboard.readText());

      const other = await visit(here.browser, here.site, width);
      await other.page.goto(link);
      await sees(other.page.locator(".machine h2"), "After step 6");
      expect(await other.page.getByLabel(RFC, { exact: true }).isChecked()).toBe(true);
      await sees(other.page.locator(".differs"), "without the patch");
      expect(other.problems).toEqual([]);
      await other.context.close();
    });

    test("breaks the scenario, reads the error, mends it", async () => {
      await playground();
      const editor = page.getByRole("textbox", { name: "Scenario" });
      await editor.fill("steps:\n  - { call: munmop, args: { addr: 0x1000, length: 1p } }\n");
      await editor.press("Control+Enter");
      await sees(page.getByRole("alert"), /Line 2.*unknown call "munmop".*munmap/);
      await page.locator(".cm-lint-marker-error").waitFor();
      await editor.fill("steps:\n  - { call: munmap, args: { addr: 0x1000, length: 1p } }\n");
      await editor.press("Control+Enter");
      await sees(page.locator(".steps"), "munmap");
      expect(await page.getByRole("alert").count()).toBe(0);
    });

    test("is offered the calls and their arguments while writing", async () => {
      await playground();
      const editor = page.getByRole("textbox", { name: "Scenario" });
      await editor.fill("steps:\n  - { call: munm");
      await page.keyboard.press("Control+Space");
      await sees(page.locator(".cm-tooltip-autocomplete"), "munmap");
      // The list takes no keys in its first moments, so that nobody accepts what was not seen.
      await page.waitForTimeout(300);
      await page.keyboard.press("Enter");
      await page.keyboard.type(", args: { ad");
      await sees(page.locator(".cm-tooltip-autocomplete"), "addr");
    });

    test("gets by with the keyboard alone", async () => {
      await playground();
      const editor = page.getByRole("textbox", { name: "Scenario" });
      await editor.focus();
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Run");
      await page.keyboard.press("Enter");
      await sees(verdict(), "holds");
      await page.locator(".steps .call").nth(2).focus();
      await page.keyboard.press("Enter");
      await sees(heading(), "After step 2");
    });

    test("searches, without the network", async () => {
      await page.goto(here.site.url);
      await page.waitForFunction(() => "__vue_app__" in (document.querySelector("#app") ?? {}));
      await page.keyboard.press("Control+k");
      const found = page.locator(".VPLocalSearchBox .result");
      for (const [words, expected] of [
        ["dontneed", /MADV_DONTNEED/],
        ["pfncache", /pfncache/],
        ["NUMA balancing", /NUMA balancing/],
        ["KVM_MEM_GUEST_MEMFD", /guest_memfd/],
        ["PMBSR", /Glossary/],
      ] as const) {
        await page.locator("#localsearch-input").fill(words);
        await sees(found, expected);
      }
    });
  },
);

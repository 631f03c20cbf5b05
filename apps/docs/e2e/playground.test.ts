import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { hasChromium } from "./browser.js";
import { sees, withSite, withVisitor } from "./with-site.js";

const RACE = "pfncache-dontneed@gmem-anon";

/** Three threads that take minutes to explore. */
const LONG = `steps:
  - { call: mmap, args: { addr: 0x200000000000, length: 4p, prot: rw, flags: [MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED] }, as: ram }
  - { call: KVM_SET_USER_MEMORY_REGION2, args: { slot: 0, guest_phys_addr: 0x80000000, memory_size: 4p, userspace_addr: ram } }
concurrently:
  vcpu:
    - { call: vcpu_write, args: { gpa: 0x80000000, length: 4p } }
    - { call: vcpu_write, args: { gpa: 0x80000000, length: 4p } }
  one:
    - { call: madvise, args: { addr: ram, length: 4p, advice: MADV_DONTNEED } }
    - { call: madvise, args: { addr: ram, length: 4p, advice: MADV_DONTNEED } }
  two:
    - { call: madvise, args: { addr: ram, length: 4p, advice: MADV_DONTNEED } }
    - { call: madvise, args: { addr: ram, length: 4p, advice: MADV_DONTNEED } }
`;

/** A profiled guest whose buffer the VMM drops. */
const PROFILED = `steps:
  - { call: mmap, args: { addr: 0x200000000000, length: 4p, prot: rw, flags: [MAP_PRIVATE, MAP_ANONYMOUS, MAP_FIXED] }, as: ram }
  - { call: KVM_SET_USER_MEMORY_REGION2, args: { slot: 0, guest_phys_addr: 0x80000000, memory_size: 4p, userspace_addr: ram } }
  - { call: spe_enable, args: { gpa: 0x80000000, length: 4p } }
  - { call: spe_run, args: { operations: 10000 } }
  - { call: madvise, args: { addr: ram, length: 4p, advice: MADV_DONTNEED } }
  - { call: spe_run, args: { operations: 10000 } }
`;

describe.skipIf(!hasChromium)("the playground", () => {
  const here = withSite();
  const visitor = withVisitor(here, "desktop");
  let page: Page;
  beforeEach(() => {
    page = visitor.page;
  });

  async function open(example: string): Promise<void> {
    await page.goto(`${here.site.url}playground.html#example=${encodeURIComponent(example)}`);
    await page.locator(".steps .call").first().waitFor();
  }
  const machine = () => page.locator(".machine");
  const section = (name: string) => machine().locator("details", { hasText: name });
  const dropFile = (name: string, text: string) =>
    page.evaluate(
      ([file, content]) => {
        const files = new DataTransfer();
        files.items.add(new File([content!], file!));
        document
          .querySelector(".playground")!
          .dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
      },
      [name, text],
    );

  test("shows the VMM's mappings and pages, both sets of memslots, the guest_memfd and the counters, and marks what changed", async () => {
    await open("munmap-all@gmem");
    await page.locator(".steps .call", { hasText: "KVM_SET_USER_MEMORY_REGION2" }).click();
    const sets = section("Memslots, both sets");
    await sees(sets.locator("section.active"), "slot 0: 16 pages, gpa 0x80000000");
    await sees(sets.locator("section:not(.active)"), "inactive");
    await sees(section("The VMM's mappings and pages"), "0x200000000000–0x200000010000");
    await page.locator(".steps .call", { hasText: "vcpu_write" }).first().click();
    await sees(section("guest_memfd"), "gmem: 16 pages; has pages 0-15");
    await page.locator(".steps .call", { hasText: "munmap" }).click();
    await sees(section("The VMM's mappings and pages"), "has mapped nothing");
    await machine().getByRole("img", { name: "stage 2: nothing" }).waitFor();
    expect(await machine().locator(".cell.changed").count()).toBeGreaterThan(15);
    await sees(section("Invalidations").locator("li.changed"), /mmu_invalidate_seq \d+ was \d+/);
    await section("Everything that changed").locator("summary").click();
    await section("Everything that changed").locator("tbody tr").first().waitFor();
  });

  test("shows the profiling buffer of a guest with SPE, and what the profile lacks", async () => {
    await open("munmap-all@gmem");
    const editor = page.getByRole("textbox", { name: "Scenario" });
    await editor.fill(PROFILED);
    await editor.press("Control+Enter");
    const buffer = section("SPE buffer");
    await page.locator(".steps .call", { hasText: "madvise" }).click();
    await buffer.getByRole("img", { name: "SPE buffer at stage 2: nothing" }).waitFor();
    await page.locator(".steps .call", { hasText: "spe_run" }).last().click();
    await sees(buffer.locator("li.changed"), /records lost to a fault 1 \+1/);
  });

  test("opens a stage-2 descriptor down to its bits", async () => {
    await open("munmap-all@gmem");
    await page.locator(".steps .call", { hasText: "vcpu_write" }).first().click();
    await page.locator(".tree button", { hasText: "page of 4 KiB" }).first().click();
    await sees(page.locator(".bits"), /S2AP \[7:6\]\s*11/);
  });

  test("runs on the kernel and architecture that are picked", async () => {
    await open(RACE);
    await page.getByLabel("Kernel").selectOption("7.3");
    await page.getByLabel("gmem-ignore-notifiers-rfc", { exact: true }).check();
    await sees(page.locator(".verdict"), /holds.*Linux 7\.3 .*with gmem-ignore-notifiers-rfc on x86/);
    await page.getByLabel("Kernel").selectOption("7.2");
    await sees(page.locator(".verdict"), /breaks.*Linux 7\.2 .*on x86/);
    await page.locator(".lanes tr.now").waitFor();
    await page.getByLabel("Architecture").selectOption("arm64");
    await sees(page.locator(".verdict"), /not modelled|on arm64/);
  });

  test("a step of the counterexample is in view when it is shown", async () => {
    await open(RACE);
    await page.getByLabel("gmem-ignore-notifiers-rfc", { exact: true }).check();
    const lanes = page.locator(".lanes");
    await lanes.locator("tr.now").waitFor();
    for (const name of ["first", "Step", "last"]) {
      await lanes.getByRole("button", { name, exact: true }).click();
      const row = lanes.locator("tr.now");
      if (name === "first") continue;
      expect(
        await row.evaluate((now) => {
          const [inner, outer] = [now, now.closest(".scroll")!].map((each) => each.getBoundingClientRect());
          return inner!.top >= outer!.top - 1 && inner!.bottom <= outer!.bottom + 1;
        }),
      ).toBe(true);
    }
  });

  test("says how far an exploration is, and can cancel it", async () => {
    await open("munmap-all@gmem");
    const editor = page.getByRole("textbox", { name: "Scenario" });
    await editor.fill(LONG);
    await editor.press("Control+Enter");
    await sees(
      page.locator(".exploring"),
      /Exploring every interleaving of vcpu and one and two: [1-9][\d,]* states/,
    );
    await page.getByRole("button", { name: "Cancel" }).click();
    await sees(page.locator(".outcome"), "Cancelled: nothing is said about the threads.");
    await page.locator(".steps .call").first().click();
    await sees(machine(), "After step 0");
  });

  test("takes a dropped recording, and shows where it disagrees", async () => {
    await open("munmap-all@gmem");
    const args = {
      addr: "0x200000000000",
      length: "1p",
      prot: "rw",
      flags: ["MAP_PRIVATE", "MAP_ANONYMOUS"],
    };
    const recording = {
      id: "mmap@dropped",
      machine: { kernel: "7.2.13+deb14-arm64", arch: "arm64", page_size: 4096, nodes: 2 },
      steps: [{ call: "mmap", args, as: "ram" }],
      observed: [{ errno: "ENOMEM" }],
    };
    await dropFile("dropped.jsonl", JSON.stringify(recording));
    await sees(machine(), "After step 0");
    await sees(page.locator(".differs"), "recorded: errno ENOMEM");
  });

  test("takes a dropped scenario, and says what is wrong with one", async () => {
    await open("munmap-all@gmem");
    await dropFile(
      "own.yaml",
      "title: dropped\nsteps:\n  - { call: mmap, args: { length: 1p, prot: r, flags: [MAP_PRIVATE, MAP_ANONYMOUS] } }\n",
    );
    await sees(page.getByRole("textbox", { name: "Scenario" }), "title: dropped");
    await sees(machine(), "After step 0");
    await dropFile("wrong.yaml", "steps: 1\n");
    await sees(page.getByRole("alert"), "steps");
  });
});

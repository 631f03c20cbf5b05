import { expect, test } from "vitest";
import type { Scenario } from "../format/scenario.js";
import { library } from "../library/library.js";
import { runScenario } from "../run/run-scenario.js";
import { inspectScenario } from "./inspect-scenario.js";
import type { Snapshot } from "./snapshot.js";

const entryOf = (name: string): Scenario => library.find((entry) => entry.name === name)!.scenario;

function mappedAtStage2({ memslots, stage2 }: Snapshot): number {
  const slots = memslots.find(({ active }) => active)!.slots;
  const within = (ipa: number) =>
    slots.some(({ baseGfn, npages }) => ipa >= baseGfn * 4096 && ipa < (baseGfn + npages) * 4096);
  return stage2!.entries.list
    .filter(({ kind, ipa }) => (kind === "page" || kind === "block") && within(ipa))
    .reduce((pages, { size }) => pages + size / 4096, 0);
}

test("after each step of each built-in scenario stage 2 is what a run says it is", () => {
  for (const { name, scenario } of library) {
    const run = runScenario(scenario);
    const inspection = inspectScenario(scenario)!;
    expect(inspection.steps.length, name).toBe(scenario.steps.length);
    const mapped = inspection.steps.map(({ after }) => mappedAtStage2(after));
    expect(mapped, name).toEqual(run.steps.map((step) => step.mapped));
  }
});

test("a guest_memfd, its binding and its pages are seen, and both sets of memslots", () => {
  const { before, steps } = inspectScenario(entryOf("munmap-all@gmem"))!;
  expect(before.guestMemfds).toEqual([]);
  const touched = steps[4]!.after;
  expect(touched.guestMemfds).toMatchObject([
    {
      name: "gmem",
      pages: 16,
      bindings: [{ slot: 0, first: 0, end: 16 }],
      allocated: { total: 16 },
      mappings: 1,
    },
  ]);
  expect(touched.memslots.map(({ active }) => active).sort()).toEqual([false, true]);
  expect(touched.memslots.flatMap(({ slots }) => slots.map(({ id, gmemOnly }) => [id, gmemOnly]))).toEqual([
    [0, true],
    [0, true],
  ]);
  const leaf = touched.stage2!.entries.list.find(({ ipa, level }) => ipa === 0x8000_0000 && level === 3)!;
  expect(leaf).toMatchObject({ kind: "page", fields: { S2AP: "rw", AF: "1" } });
  expect(leaf.bits).toMatch(/^[0-9a-f]{16}$/);
});

test("host pages follow the page table", () => {
  const { steps } = inspectScenario(entryOf("munmap-all@gmem"))!;
  const own = ({ hostPages }: Snapshot) =>
    hostPages.list.filter(({ address }) => address >= 0x2000_0000_0000 && address < 0x2000_0001_0000);
  expect(own(steps[4]!.after)).toHaveLength(16);
  expect(own(steps[5]!.after)).toHaveLength(0);
});

test("the journal says what a step changed, in the kernel's names", () => {
  const { steps } = inspectScenario(entryOf("munmap-all@gmem"))!;
  const changed = steps[5]!.changes.list.map(({ object }) => object);
  expect(changed).toContain("kvm->mmu_invalidate_seq");
  expect(steps[6]!.changes.total).toBeGreaterThan(0);
});

test("a profile with SPE is there from its beginning to its end, with what it has come to", () => {
  const scenario: Scenario = {
    machine: {},
    steps: [
      {
        call: "mmap",
        args: {
          addr: "0x200000000000",
          length: "4p",
          prot: "rw",
          flags: ["MAP_PRIVATE", "MAP_ANONYMOUS", "MAP_FIXED"],
        },
        as: "ram",
      },
      {
        call: "KVM_SET_USER_MEMORY_REGION2",
        args: { slot: 0, guest_phys_addr: "0x80000000", memory_size: "4p", userspace_addr: "ram" },
      },
      { call: "spe_enable", args: { gpa: "0x80000000", length: "4p" } },
      { call: "spe_run", args: { operations: 10_000 } },
      { call: "spe_disable", args: {} },
    ],
  };
  const { before, steps } = inspectScenario(scenario)!;
  expect(before.spe).toBeNull();
  expect(steps[2]!.after.spe).toMatchObject({ gpa: 0x8000_0000, size: 0x4000, figures: { operations: 0 } });
  expect(steps[3]!.after.spe!.figures).toMatchObject({ operations: 10_000, lost: 0, faults: 0 });
  expect(steps[3]!.after.spe!.figures.written).toBeGreaterThan(5);
  expect(steps[4]!.after.spe).toBeNull();
});

test("it stops at what the model lacks", () => {
  const scenario: Scenario = {
    machine: {},
    steps: [{ call: "userfaultfd", args: { flags: [] }, as: "uffd" }],
  };
  const run = runScenario(scenario);
  const inspection = inspectScenario(scenario);
  if (run.notModelled.length > 0) expect(inspection!.steps).toEqual([]);
  expect(inspectScenario({ machine: { page_size: 16384 }, steps: [] })).toBeNull();
});

import { expect, test } from "vitest";
import type { Architecture } from "../format/machine.js";
import { races } from "../library/races.js";
import { runScenario } from "../run/run-scenario.js";
import type { Patch } from "./define-patch.js";
import { undoA01 } from "./undo-a01-sequence-after-mmap-lock.js";
import { undoA08 } from "./undo-a08-swap-between-start-and-end.js";
import { undoB01 } from "./undo-b01-gpc-retry-by-in-progress.js";
import { undoB04 } from "./undo-b04-inactive-gpc.js";
import { undoB07 } from "./undo-b07-gpc-sequence.js";
import { undoC01 } from "./undo-c01-unbind-of-dying-gmem.js";

/** A fix taken out, and the race of the library that finds the bug. */
interface Found {
  readonly bug: string;
  readonly patch: Patch;
  readonly kernels: readonly string[];
  readonly archs: readonly Architecture[];
  readonly race: string;
  readonly property: string;
  readonly text: RegExp;
}

const all = ["7.2", "7.3"];
const USES_A_FREE_PAGE = {
  property: "no use after free",
  text: /^a pfncache uses pfn 0x[0-9a-f]+, which is free$/,
};

const table: readonly Found[] = [
  {
    bug: "A01",
    patch: undoA01,
    kernels: all,
    archs: ["arm64"],
    race: "fault-remap@hugetlb",
    property: "no stale stage-2 mapping",
    text: /^page [1-9]\d* of slot 0 is mapped at stage 2 to pfn 0x[0-9a-f]+, which is free$/,
  },
  {
    bug: "A08",
    patch: undoA08,
    kernels: all,
    archs: ["arm64", "x86"],
    race: "delete-munmap@anon",
    property: "every invalidation that began has ended",
    text: /mmu_invalidate_in_progress is 1, mn_active_invalidate_count 0$/,
  },
  {
    bug: "B01",
    patch: undoB01,
    kernels: all,
    archs: ["x86"],
    race: "pfncache-dontneed@anon",
    ...USES_A_FREE_PAGE,
  },
  {
    bug: "B04",
    patch: undoB04,
    kernels: all,
    archs: ["x86"],
    race: "pfncache-deactivate@anon",
    ...USES_A_FREE_PAGE,
  },
  {
    bug: "B07",
    patch: undoB07,
    kernels: ["7.3"],
    archs: ["x86"],
    race: "pfncache-dontneed@hva",
    ...USES_A_FREE_PAGE,
  },
  {
    bug: "C01",
    patch: undoC01,
    kernels: all,
    archs: ["arm64", "x86"],
    race: "delete-close@gmem",
    property: "no use after free",
    text: /^kvm_gmem_release uses slot 0, which is free$/,
  },
];

const cases = table.flatMap((found) =>
  found.kernels.flatMap((kernel) =>
    found.archs.map((arch) => ({ ...found, kernel, arch, name: found.patch.name })),
  ),
);

test.each(cases)("$bug: $race on $kernel $arch holds with the fix, and breaks with $name", (found) => {
  const { patch, kernel, arch, property, text } = found;
  const { scenario } = races.find(({ name }) => name === found.race)!;
  const fixed = runScenario(scenario, { kernel, arch });
  expect(fixed).toMatchObject({ verdict: "holds", notModelled: [], exploration: { complete: true } });
  const { verdict, violations } = runScenario(scenario, { kernel, arch, patches: [patch] });
  expect({ verdict, violations }).toMatchObject({ verdict: "breaks", violations: [{ property }] });
  expect(violations[0]!.text).toMatch(text);
});

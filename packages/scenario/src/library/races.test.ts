import { expect, test } from "vitest";
import type { RunResult } from "../model.js";
import { laneRows } from "../race/lane-rows.js";
import { runScenario } from "../run/run-scenario.js";
import { races } from "./races.js";

const RFC = "gmem-ignore-notifiers-rfc";

/** What goes wrong, and where; every other race holds in every interleaving. */
const USES_A_FREE_PAGE = new Set([
  `pfncache-dontneed@gmem-anon 7.2 x86 ${RFC}`,
  `pfncache-punch@gmem 7.2 x86 ${RFC}`,
  "pfncache-dontneed@hva 7.2 x86",
  `pfncache-dontneed@hva 7.2 x86 ${RFC}`,
]);

const cases = races.flatMap((race) =>
  race.architectures.flatMap((arch) =>
    ["7.2", "7.3"].flatMap((kernel) =>
      [[], [RFC]].map((patches) => {
        const where = [race.name, kernel, arch, ...patches].join(" ");
        return { race, arch, kernel, patches, where };
      }),
    ),
  ),
);

test("there is a race of each kind that is known to go wrong", () => {
  const known = cases.filter(({ where }) => USES_A_FREE_PAGE.has(where));
  expect(known).toHaveLength(USES_A_FREE_PAGE.size);
});

test.each(cases)("$where", ({ race, arch, kernel, patches, where }) => {
  const result = runScenario(race.scenario, { arch, kernel, patches });
  expect(result.notModelled).toEqual([]);
  if (USES_A_FREE_PAGE.has(where)) expectUseAfterFree(result);
  else expect(result).toMatchObject({ verdict: "holds", violations: [], exploration: { complete: true } });
});

/** Both threads are needed for it, and a step of the pfncache's user is the one that goes wrong. */
function expectUseAfterFree({ verdict, violations }: RunResult): void {
  expect(verdict).toBe("breaks");
  const [{ property, text, race, why }] = violations as [RunResult["violations"][number]];
  expect(property).toBe("no use after free");
  expect(text).toMatch(/^a pfncache uses pfn 0x[0-9a-f]+, which is free$/);
  const rows = laneRows(race!);
  expect(new Set(rows.map(({ thread }) => thread))).toEqual(new Set(["vmm", "kernel"]));
  expect(rows.at(-1)).toMatchObject({ thread: "kernel", call: "kvm_gpc_write", isWrong: true });
  expect(rows.length).toBeLessThan(25);
  for (const { function: name } of laneRows(race!, { all: true })) expect(name).toMatch(/^[a-z_][a-z0-9_]*$/);
  expect(why).toContain("kvm_gpc_write() (kernel) uses pfn 0x");
  expect(why).toContain("kvm->mmu_invalidate_seq unchanged at");
}

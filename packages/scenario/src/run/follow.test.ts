import { describe, expect, test } from "vitest";
import { races } from "../library/races.js";
import type { RunOptions, Violation } from "../model.js";
import type { RaceTrace, SavedRace } from "../race/race-trace.js";
import { readSavedRace } from "../read/saved-race.js";
import { replayRace, runScenario } from "./run-scenario.js";

const { scenario } = races.find(({ name }) => name === "pfncache-dontneed@hva")!;
const unpatched: RunOptions = { arch: "x86", kernel: "7.2" };
const found = runScenario(scenario, unpatched);
const [{ race }] = found.violations as [Violation & { race: RaceTrace }];

describe("a saved race", () => {
  test("goes wrong again on the same version, step by step", () => {
    const { outcome, gone, violations, sentence } = replayRace(scenario, race, unpatched);
    expect({ outcome, gone }).toEqual({ outcome: "reproduced", gone: null });
    expect(sentence).toBe(`Still happens: ${race.message}.`);
    expect(violations).toEqual([{ ...found.violations[0], race: { ...race, isShortest: false } }]);
  });

  test("is the same after it was written as JSON and read", () => {
    const saved = readSavedRace(JSON.stringify(found));
    expect(saved).toMatchObject({ kernel: "7.2", arch: "x86", patches: [] });
    expect(replayRace(scenario, saved.race, unpatched).outcome).toBe("reproduced");
  });

  test("stops at the first step that a later kernel does not have, and says whose that was", () => {
    const { outcome, gone, sentence, violations } = replayRace(scenario, race, {
      arch: "x86",
      kernel: "7.3",
    });
    expect(outcome).toBe("a step is gone");
    expect(gone).toMatchObject({
      thread: "kernel",
      function: "hva_to_pfn_retry",
      object: "kvm->mmu_invalidate_seq",
      what: "reads kvm->mmu_invalidate_seq",
    });
    expect(race.steps[gone!.step - 1]).toMatchObject({ thread: "kernel", function: gone!.function });
    expect(sentence).toContain(`Step ${gone!.step} no longer exists: kernel reads kvm->gpc_invalidate_seq`);
    expect(sentence).toContain("a step of kernel, in hva_to_pfn_retry(), on kvm->mmu_invalidate_seq.");
    expect(violations).toEqual([]);
  });

  test("no longer goes wrong where all its steps can be made and nothing is broken", () => {
    const shorter: SavedRace = { ...race, steps: race.steps.slice(0, -1) };
    const { outcome, gone, violations } = replayRace(scenario, shorter, unpatched);
    expect({ outcome, gone, violations }).toEqual({
      outcome: "no longer goes wrong",
      gone: null,
      violations: [],
    });
  });

  test("goes wrong otherwise where something else is broken", () => {
    const other: SavedRace = { ...race, message: "kvm_gmem_release uses slot 0, which is free" };
    const { outcome, violations, sentence } = replayRace(scenario, other, unpatched);
    expect(outcome).toBe("goes wrong otherwise");
    expect(sentence).toBe(
      `Goes wrong otherwise: ${race.message}. It had been: kvm_gmem_release uses slot 0, which is free.`,
    );
    expect(violations).toMatchObject([{ property: "no use after free", text: race.message }]);
  });

  test("is the same on another page of memory, and says which", () => {
    const elsewhere: SavedRace = { ...race, message: "a pfncache uses pfn 0x1, which is free" };
    const { outcome, sentence } = replayRace(scenario, elsewhere, unpatched);
    expect(outcome).toBe("reproduced");
    expect(sentence).toBe(
      `Still happens: ${race.message}. It had been: a pfncache uses pfn 0x1, which is free.`,
    );
  });

  test("says what its steps do otherwise, where they go well now", () => {
    const [first, ...others] = race.steps;
    const steps = [{ ...first!, accesses: [{ function: "f", does: "takes x" }] }, ...others].slice(0, -1);
    const { sentence } = replayRace(scenario, { ...race, steps }, unpatched);
    const { thread, accesses } = first!;
    expect(sentence).toContain(
      `Step 1, of ${thread}, is the first to do something else: ${accesses[0]!.function}() ${accesses[0]!.does}, where it had been: f() takes x.`,
    );
  });

  test("has no thread left in a scenario without threads", () => {
    const { concurrently: _, ...alone } = scenario;
    const { outcome, sentence } = replayRace(alone, race, unpatched);
    expect(outcome).toBe("a step is gone");
    expect(sentence).toContain(`there is no thread ${race.steps[0]!.thread}`);
  });

  test("is not followed where the model lacks a call", () => {
    const lacking = { ...scenario, concurrently: { vmm: [{ call: "spe_disable" as const }] } };
    const { outcome, notModelled } = replayRace(lacking, race, unpatched);
    expect({ outcome, calls: notModelled.map(({ call }) => call) }).toEqual({
      outcome: "not modelled",
      calls: ["spe_disable"],
    });
  });
});

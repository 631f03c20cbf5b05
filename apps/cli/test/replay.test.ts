import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtIn, type Model, type ReplayResult } from "@kvmm/scenario";
import { describe, expect, test } from "vitest";
import { aRace } from "./a-race.js";
import { kvmm, replaying } from "./fake-context.js";

const found = { property: "no use after free", text: aRace.message, race: aRace };
const saved = JSON.stringify({ kernel: "7.2", arch: "x86", patches: ["mine"], violations: [found] });
const scenario = "title: A race\nsteps: []\n";

function becoming(result: Pick<ReplayResult, "outcome" | "sentence"> & Partial<ReplayResult>): Model {
  const bare = { kernel: "7.3", arch: "arm64" as const, patches: [], gone: null };
  return {
    ...replaying,
    replayRace: () => ({ ...bare, notModelled: [], warnings: [], violations: [], ...result }),
  };
}

function fileOf(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "kvmm-replay-")), "saved.json");
  writeFileSync(file, text);
  return file;
}

const replay = (model: Model, ...more: string[]) =>
  kvmm(["run", "-", "--replay", fileOf(saved), ...more], { model, stdin: scenario });

describe("run --replay", () => {
  test("shows the race as it goes now, and ends with 1, where it is reproduced", async () => {
    const model = becoming({ outcome: "reproduced", sentence: "Still happens.", violations: [found] });
    const { status, stdout } = await replay(model);
    expect(status).toBe(1);
    expect(stdout).toContain("kernel 7.3, arm64\nreplays a race of kernel 7.2, x86, patch mine\n");
    expect(stdout).toContain("truncate_inode_pages_range(): pfn 0x40003: free");
    expect(stdout.trimEnd().split("\n").at(-1)).toBe("reproduced: Still happens.");
  });

  test("ends with 0 where it no longer goes wrong, and says what that leaves open", async () => {
    const { status, stdout } = await replay(
      becoming({ outcome: "no longer goes wrong", sentence: "All 3 steps can be made." }),
    );
    expect(status).toBe(0);
    expect(stdout).toContain("no longer goes wrong: All 3 steps can be made.\nNo other order of the steps");
  });

  test("ends with 1 where a step is gone, and names it in --json", async () => {
    const gone = { step: 2, thread: "vmm", function: "f", object: "kvm->mmu_lock", what: "takes it" };
    const model = becoming({ outcome: "a step is gone", sentence: "Step 2 is gone.", gone });
    const { status, stdout } = await replay(model, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      title: "A race",
      outcome: "a step is gone",
      gone,
      kernel: "7.3",
      saved: { kernel: "7.2", arch: "x86", patches: ["mine"] },
      violations: [],
    });
  });

  test("ends with 2 where a call is not modelled", async () => {
    const notModelled = [{ step: 0, call: "ksm_run" as const, why: "it is not" }];
    const { status, stderr } = await replay(
      becoming({ outcome: "not modelled", sentence: "The threads cannot be run.", notModelled }),
    );
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: "kvmm: not modelled: ksm_run; what follows from it cannot be said\n",
    });
  });

  test("fits a narrow terminal", async () => {
    const model = becoming({ outcome: "a step is gone", sentence: "Step 2 is gone, and so is all else." });
    const { stdout } = await kvmm(["run", "-", "--replay", fileOf(saved)], {
      model,
      stdin: scenario,
      columns: 40,
    });
    for (const line of stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(40);
  });

  test.each([
    ["", "is empty; it should be what kvmm run --json printed of threads that break something"],
    ["{}", "kernel: is missing"],
    [saved.replace('"thread":"vmm"', '"thread":5'), "violations[0].race.steps[1].thread: is 5; it should be"],
  ])("ends with 2 and one message that names the field: %#", async (text, why) => {
    const file = fileOf(text);
    const { status, stdout, stderr } = await kvmm(["run", "-", "--replay", file], { stdin: scenario });
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(file);
    expect(stderr).toContain(why);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  test("is no way of exploring, and takes standard input once", async () => {
    const both = await kvmm(["run", "-", "--replay", "-"], { stdin: scenario });
    expect(both).toMatchObject({ status: 2, stderr: expect.stringContaining("name a file for the other") });
    const walks = await replay(builtIn, "--random", "5");
    expect(walks).toMatchObject({ status: 2, stderr: expect.stringContaining("cannot be used with") });
  });
});

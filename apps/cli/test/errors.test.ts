import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kvmm, recordings, replaying } from "./fake-context.js";

const folder = mkdtempSync(join(tmpdir(), "kvmm-test-"));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("a mistake is one message on standard error, status 2, and no stack", () => {
  const scenario = file("good.yaml", "steps:\n  - { call: none }\n");
  const misspelt = file("bad.yaml", "steps:\n  - { call: nonne }\n");
  test.each([
    ["an unknown command", ["rum"], "kvmm: unknown command 'rum'; did you mean run?"],
    ["an unknown option", ["run", "x", "--jsno"], "kvmm: unknown option '--jsno'; did you mean --json?"],
    ["a missing argument", ["run"], "kvmm: missing required argument 'file'"],
    [
      "an unknown kernel",
      ["run", scenario, "--kernel", "7.9"],
      'kvmm: unknown kernel "7.9"; did you mean "7.2" or "7.3"?',
    ],
    [
      "an unknown patch",
      ["run", scenario, "--patch", "gmem-ignore-rfc"],
      'kvmm: unknown patch "gmem-ignore-rfc"; see kvmm patches; a patch of your own is a file, ./mine.mjs',
    ],
    [
      "a diff for a patch",
      ["review", "rfc.patch"],
      'kvmm: unknown patch "rfc.patch"; a patch is a module, not a diff; see kvmm patches --help',
    ],
    ["a patch file that is not there", ["review", "./no.mjs"], "kvmm: patch ./no.mjs does not exist"],
    [
      "a bad seed",
      ["run", scenario, "--seed", "-1"],
      "kvmm: option '--seed <number>' argument '-1' is invalid. it should be a whole number below 2^32.",
    ],
    [
      "a bad colour",
      ["run", scenario, "--color", "red"],
      "kvmm: option '--color <when>' argument 'red' is invalid. Allowed choices are auto, always, never.",
    ],
    [
      "a scenario with a mistake",
      ["run", misspelt],
      `kvmm: ${misspelt}:2:13: steps[0].call: unknown call "nonne"; did you mean "none"?`,
    ],
    [
      "a file that is not there",
      ["run", join(folder, "god.yaml")],
      `kvmm: ${join(folder, "god.yaml")}: does not exist; did you mean "good.yaml" or "bad.yaml"?`,
    ],
    [
      "a recording that is not there",
      ["conform", `${recordings("7.2.13-arm64/first.jsonl")}#nothing-like-it`],
      /has no recording "nothing-like-it"; it has 45, such as "/,
    ],
    [
      "a file of recordings without an id",
      ["run", recordings("7.2.13-arm64/first.jsonl")],
      /first\.jsonl: has 45 recordings; choose one, such as .*first\.jsonl#/,
    ],
    ["a directory", ["run", folder], /: is a directory; name a file in it, such as .*\/bad\.yaml/],
  ])("%s", async (_, args, message) => {
    const { status, stdout, stderr } = await kvmm(args);
    expect(stderr.endsWith("\n")).toBe(true);
    expect(stderr.trimEnd()).not.toContain("\n");
    if (typeof message === "string") expect(stderr.trimEnd()).toBe(message);
    else expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  });

  test("a module that is no patch is told what a patch is", async () => {
    const empty = file("empty.mjs", "export const x = 1;\n");
    const wrong = file("wrong.mjs", "export default { name: 'mine', title: 'Mine' };\n");
    const broken = file("broken.mjs", "export default {\n");
    expect((await kvmm(["review", empty])).stderr).toBe(
      `kvmm: patch ${empty} has no default export; it should be "export default definePatch({ ... })"\n`,
    );
    expect((await kvmm(["review", wrong])).stderr).toBe(
      `kvmm: patch ${wrong}: origin should be a text, not missing\n`,
    );
    expect((await kvmm(["review", broken])).stderr).toMatch(
      /^kvmm: patch .*broken\.mjs cannot be loaded: .*\n$/,
    );
  });

  test("random bytes, as a file or on standard input", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        for (const args of [
          ["run", "-"],
          ["conform", "-"],
        ]) {
          const { status, stderr } = await kvmm(args, { stdin: bytes });
          expect(status).toBe(2);
          expect(stderr.trimEnd()).not.toContain("\n");
          expect(stderr).not.toContain("internal error");
        }
      }),
    );
  });
});

describe("a bug in kvmm", () => {
  const model = {
    ...replaying,
    runScenario: () => {
      throw new TypeError("x is not a function");
    },
  };

  test("says that it is one, and how to see where", async () => {
    const { status, stderr } = await kvmm(["run", "-"], { model, stdin: "steps: []" });
    expect(status).toBe(2);
    expect(stderr).toBe(
      "kvmm: internal error: x is not a function\nThis is a bug in kvmm. With KVMM_DEBUG=1 it shows where; please report it with that and the input.\n",
    );
  });

  test("shows its stack with KVMM_DEBUG=1", async () => {
    const { stderr } = await kvmm(["run", "-"], { model, stdin: "steps: []", env: { KVMM_DEBUG: "1" } });
    expect(stderr).toMatch(/TypeError: x is not a function\n\s+at /);
  });
});

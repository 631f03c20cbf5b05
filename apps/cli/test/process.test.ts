import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { recordings } from "./fake-context.js";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a process; `linesRead` closes its output after so many. */
function start(
  args: readonly string[],
  { stdin = "", linesRead = Number.POSITIVE_INFINITY } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "--conditions=@kvmm/source", main, ...args], {
    env: { ...process.env, NO_COLOR: "1" },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (stdout.split("\n").length > linesRead) child.stdout.destroy();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(stdin);
  return new Promise((done) => child.on("close", (code) => done({ code, stdout, stderr })));
}

const slow = { timeout: 60_000 };

test("a mistake on standard input ends the process with 2 and one line", slow, async () => {
  const { code, stdout, stderr } = await start(["run", "-"], { stdin: "steps:\n  - { call: nonne }\n" });
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toBe(
    'kvmm: standard input:2:13: steps[0].call: unknown call "nonne"; did you mean "none"?\n',
  );
});

test("a pipe that closes early ends the process quietly", slow, async () => {
  const { stderr } = await start(["conform", recordings("7.2.13-arm64/mm-ksm.jsonl"), "--json"], {
    linesRead: 3,
  });
  expect(stderr).not.toContain("EPIPE");
  expect(stderr).not.toContain("internal error");
});

test("a patch module finds @kvmm/scenario wherever it lies", slow, async () => {
  const folder = mkdtempSync(join(tmpdir(), "kvmm-patch-"));
  const file = join(folder, "mine.mjs");
  const text = (name: string) => `import { definePatch } from "@kvmm/scenario";
import "@kvmm/mm-core";
export default definePatch({ name: ${JSON.stringify(name)}, title: "Mine", origin: "own reading", text: "Nothing.", change: {} });
`;
  writeFileSync(file, text("Not A Name"));
  const { code, stderr } = await start(["run", "-", "--patch", file], { stdin: "steps: []\n" });
  expect(code).toBe(2);
  expect(stderr).toContain("definePatch: name should be lower-case words");
});

test("the built-in kernels are there", slow, async () => {
  const { code, stdout } = await start(["kernels", "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).kernels[0]).toMatchObject({ name: "7.2" });
});

test("a race is saved, shown as a page, and replayed from standard input", { timeout: 120_000 }, async () => {
  const page = join(mkdtempSync(join(tmpdir(), "kvmm-race-")), "race.html");
  const race = ["run", "pfncache-dontneed@hva", "--arch", "x86"];
  const saved = await start([...race, "--kernel", "7.2", "--json", "--export", page]);
  expect(saved).toMatchObject({ code: 1, stderr: "" });
  expect(readFileSync(page, "utf8")).toContain("<code>kvm_gpc_write()</code>");

  const again = await start([...race, "--kernel", "7.2", "--replay", "-"], { stdin: saved.stdout });
  expect(again).toMatchObject({ code: 1, stderr: "" });
  expect(again.stdout).toContain("reproduced: Still happens: a pfncache uses pfn 0x");
});

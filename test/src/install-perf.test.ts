import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const script = new URL("../../scripts/install-perf.sh", import.meta.url).pathname;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kvmm-install-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function command(name: string, body: string): void {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** Runs the script where there are no commands but those of the folder. */
function install() {
  const { status, stdout } = spawnSync("/bin/bash", [script], {
    env: { PATH: folder },
    encoding: "utf8",
  });
  return { status, stdout };
}

test("where perf is, nothing is done", () => {
  command("perf", "exit 1");
  expect(install()).toEqual({ status: 0, stdout: "" });
});

test.each([
  ["without the right to install", "echo 1000", "exit 0", "no perf, and no way to install it"],
  ["without a network", "echo 0", "exit 100", "perf could not be installed"],
  ["where the package brings no perf", "echo 0", "exit 0", "perf could not be installed"],
])("%s the tests are skipped, and CI goes on", (_, id, apt, message) => {
  command("id", id);
  command("apt-get", apt);
  const { status, stdout } = install();
  expect(status).toBe(0);
  expect(stdout.trim()).toBe(`${message}: the tests that need it are skipped`);
});

test("without apt there is no way", () => {
  command("id", "echo 0");
  expect(install().stdout).toContain("no way to install it");
});

test("what apt installs is found", () => {
  command("id", "echo 0");
  command(
    "apt-get",
    `case "$*" in *install*linux-perf*) : > ${folder}/perf && /bin/chmod +x ${folder}/perf;; esac`,
  );
  expect(install()).toEqual({ status: 0, stdout: "" });
});

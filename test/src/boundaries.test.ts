import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { root } from "./root.js";

const config = join(root, ".dependency-cruiser.mjs");
const depcruise = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");

let workspace: string;

beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), "kvmm-boundaries-")));
});

afterEach(() => {
  rmSync(workspace, { recursive: true, force: true });
});

function write(path: string, content: string): void {
  const file = join(workspace, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** A package with a public entry and an inner file, and links to the packages that it depends on. */
function addPackage(name: string, dependencies: string[] = [], directory = `packages/${name}`): void {
  const scoped = dependencies.map((dependency) => [`@kvmm/${dependency}`, "workspace:^"]);
  const exports = { ".": { "@kvmm/source": "./src/index.ts", default: "./dist/index.js" } };
  const content = {
    name: `@kvmm/${name}`,
    type: "module",
    exports,
    dependencies: Object.fromEntries(scoped),
  };
  write(`${directory}/package.json`, JSON.stringify(content));
  write(`${directory}/src/index.ts`, 'export { inner } from "./inner.js";\n');
  write(`${directory}/src/inner.ts`, "export const inner = 1;\n");
  for (const dependency of dependencies) {
    const link = join(workspace, directory, "node_modules/@kvmm", dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(workspace, "packages", dependency), link, "dir");
  }
}

interface Report {
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
}

/** The names of the rules that the workspace breaks. */
function brokenRules(): string[] {
  const args = [depcruise, "--config", config, "--output-type", "json", "."];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: workspace, encoding: "utf8" });
  if (stdout === "") throw new Error(stderr);
  const report = JSON.parse(stdout) as Report;
  return report.summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`).sort();
}

test("an import downwards, by the package's name, is allowed", () => {
  addPackage("interleave");
  addPackage("mm-core", ["interleave"]);
  write("packages/mm-core/src/good.ts", 'export { inner } from "@kvmm/interleave";\n');
  addPackage("cli", ["mm-core"], "apps/cli");
  write("apps/cli/src/main.ts", 'import { inner } from "@kvmm/mm-core";\nexport const x = inner;\n');
  expect(brokenRules()).toEqual([]);
});

test("an import upwards is refused, even of a type", () => {
  addPackage("interleave", ["mm-core"]);
  addPackage("mm-core");
  write(
    "packages/interleave/src/bad.ts",
    'import type { inner } from "@kvmm/mm-core";\nexport type X = typeof inner;\n',
  );
  expect(brokenRules()).toEqual(["packages/interleave/src/bad.ts: interleave-imports-only-downwards"]);
});

test("an import of a file inside another package is refused", () => {
  addPackage("interleave");
  addPackage("mm-core", ["interleave"]);
  write("packages/mm-core/src/bad.ts", 'export { inner } from "@kvmm/interleave/src/inner.js";\n');
  expect(brokenRules()).toEqual(["packages/mm-core/src/bad.ts: resolvable"]);
});

test("a relative import that leaves the package is refused, even of the public entry", () => {
  addPackage("interleave");
  addPackage("mm-core", ["interleave"]);
  write("packages/mm-core/src/bad-entry.ts", 'export { inner } from "../../interleave/src/index.js";\n');
  write("packages/mm-core/src/bad-inner.ts", 'export { inner } from "../../interleave/src/inner.js";\n');
  expect(brokenRules()).toEqual([
    "packages/mm-core/src/bad-entry.ts: no-relative-import-of-another-package",
    "packages/mm-core/src/bad-inner.ts: no-relative-import-of-another-package",
    "packages/mm-core/src/bad-inner.ts: public-entry-only",
  ]);
});

test("traces and spe-model have no model inside", () => {
  addPackage("interleave");
  addPackage("traces", ["interleave"]);
  addPackage("spe-model", ["interleave"]);
  for (const name of ["traces", "spe-model"]) {
    write(`packages/${name}/src/bad.ts`, 'export { inner } from "@kvmm/interleave";\n');
  }
  expect(brokenRules()).toEqual([
    "packages/spe-model/src/bad.ts: spe-model-imports-only-downwards",
    "packages/traces/src/bad.ts: traces-imports-only-downwards",
  ]);
});

test("a package that the rules do not know imports no other", () => {
  addPackage("interleave");
  addPackage("newcomer", ["interleave"]);
  write("packages/newcomer/src/bad.ts", 'export { inner } from "@kvmm/interleave";\n');
  expect(brokenRules()).toEqual(["packages/newcomer/src/bad.ts: package-without-a-place"]);
});

test("nothing imports an application", () => {
  addPackage("scenario");
  write("packages/scenario/src/bad.ts", 'export { main } from "../../../apps/cli/src/main.js";\n');
  write("apps/cli/src/main.ts", "export const main = 1;\n");
  expect(brokenRules()).toContain("packages/scenario/src/bad.ts: nothing-imports-an-application");
});

test("a package uses Node's own modules in its tests only", () => {
  addPackage("interleave");
  write("packages/interleave/src/good.test.ts", 'import "node:fs";\n');
  write("packages/interleave/src/bad.ts", 'import "node:fs";\n');
  expect(brokenRules()).toEqual(["packages/interleave/src/bad.ts: no-platform-in-packages"]);
});

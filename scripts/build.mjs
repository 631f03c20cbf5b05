// Builds what is missing; does nothing, and quickly, when the last build is still that of these sources.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runTool } from "./bootstrap.mjs";
import { withLock } from "./lock.mjs";
import { workspacePackages } from "./workspace.mjs";

const stampFile = join(root, ".cache/kvmm/built");
const sharedInputs = ["package.json", "pnpm-lock.yaml", "tsconfig.base.json", "turbo.json"];
const isInput = (name) => !/\.(test|bench|d)\.ts$/.test(name);

export const cliMain = join(root, "apps/cli/dist/main.js");

const notInputs = new Set(["node_modules", "dist", "coverage", ".turbo", ".reports"]);

function* filesBelow(directory) {
  const entries = readdirSync(directory, { withFileTypes: true }).filter(({ name }) => !notInputs.has(name));
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (isInput(entry.name)) yield path;
  }
}

function signature(files) {
  const hash = createHash("sha256").update(process.version);
  for (const file of files) {
    const status = statSync(file, { throwIfNoEntry: false });
    if (status) hash.update(`${file} ${status.mtimeMs} ${status.size}\n`);
  }
  return hash.digest("hex");
}

function builtPackages() {
  return workspacePackages(root).filter(({ manifest }) => manifest.scripts?.build !== undefined);
}

/** Names, sizes and times of everything that goes into the builds. */
function inputs() {
  const files = sharedInputs.map((name) => join(root, name));
  for (const { directory } of builtPackages()) files.push(...filesBelow(join(root, directory)));
  return signature(files);
}

/** The same of what came out of them; undefined when something is missing. */
function outputs() {
  const directories = builtPackages().map(({ directory }) => join(root, directory, "dist"));
  if (!existsSync(cliMain) || !directories.every((directory) => existsSync(directory))) return undefined;
  return signature(directories.flatMap((directory) => [...filesBelow(directory)]));
}

function isBuilt() {
  if (!existsSync(stampFile)) return false;
  return readFileSync(stampFile, "utf8") === `${inputs()} ${outputs()}`;
}

/** Builds every package unless that has been done since the last change. All output goes to stderr. */
export function ensureBuilt() {
  if (isBuilt()) return;
  withLock("build", () => {
    if (isBuilt()) return;
    const before = inputs();
    const status = runTool("turbo", ["run", "build", "--output-logs=errors-only"], ["ignore", 2, 2]);
    if (status !== 0) {
      process.stderr.write("kvmm: the build failed\n");
      process.exit(2);
    }
    mkdirSync(join(root, ".cache/kvmm"), { recursive: true });
    writeFileSync(stampFile, `${before} ${outputs()}`);
  });
}

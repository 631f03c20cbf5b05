// Makes the tools of the workspace available, starting from nothing but Node and npm.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "./lock.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

const modules = join(root, "node_modules");
const stampFile = join(modules, ".kvmm-installed");

/** What an installation depends on: the package manager, this Node and platform, and the lockfile. */
function installStamp() {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const lockfile = createHash("sha256")
    .update(readFileSync(join(root, "pnpm-lock.yaml")))
    .digest("hex");
  const stamp = [packageManager, process.versions.modules, process.platform, process.arch, lockfile].join(
    " ",
  );
  return { packageManager, stamp };
}

function isInstalled(stamp) {
  return existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp;
}

/** Installs the dependencies when they are missing or of another lockfile. All output goes to stderr. */
export function bootstrap() {
  const { packageManager, stamp } = installStamp();
  if (isInstalled(stamp)) return;
  withLock("install", () => {
    if (isInstalled(stamp)) return;
    process.stderr.write("kvmm: installing dependencies\n");
    const args = ["--yes", packageManager, "install", "--frozen-lockfile", "--prefer-offline"];
    const { status, error } = spawnSync("npx", args, {
      cwd: root,
      stdio: ["ignore", 2, 2],
      shell: isWindows,
    });
    if (error) throw error;
    if (status !== 0) {
      process.stderr.write("kvmm: the dependencies could not be installed\n");
      process.exit(2);
    }
    writeFileSync(stampFile, stamp);
  });
}

const isWindows = process.platform === "win32";

/** The environment in which the workspace's tools run. */
function toolEnvironment() {
  return {
    ...process.env,
    PATH: [join(modules, ".bin"), process.env.PATH].join(delimiter),
    KVMM_NODE: `${process.version} ${process.platform} ${process.arch}`,
    TURBO_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
  };
}

/** Runs a tool of the workspace at its root and returns its exit status. */
export function runTool(name, args, stdio = "inherit") {
  const options = { cwd: root, stdio, env: toolEnvironment(), shell: isWindows };
  const { status, error } = spawnSync(name, args, options);
  if (error) throw error;
  return status ?? 2;
}

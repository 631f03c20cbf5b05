// A lock between processes, so that commands started side by side in a fresh clone install and build once.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const directory = fileURLToPath(new URL("../.cache/kvmm", import.meta.url));

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function tryLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

/** The process that holds the lock, or undefined if it is just being taken or released. */
function holder(file) {
  try {
    return Number.parseInt(readFileSync(file, "utf8"), 10) || undefined;
  } catch {
    return undefined;
  }
}

function sleep(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Runs `action` while no other process runs one under the same name. */
export function withLock(name, action) {
  const file = `${directory}/${name}.lock`;
  mkdirSync(directory, { recursive: true });
  while (!tryLock(file)) {
    const pid = holder(file);
    if (pid !== undefined && !isAlive(pid)) rmSync(file, { force: true });
    else sleep(50);
  }
  const release = () => rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return action();
  } finally {
    process.off("exit", release);
    release();
  }
}

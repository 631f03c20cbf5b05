import { randomBytes } from "node:crypto";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { isSystemError } from "../input/read-bytes.js";
import { UsageError } from "../usage-error.js";

/** Writes a file whole or not at all: what was there stays until all of it is written. */
export async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  try {
    if (await isSpecial(path)) await writeFile(path, content);
    else await replaceFile(path, content);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new UsageError(`${path} cannot be written: ${error.code}`);
  }
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const beside = `${path}.${randomBytes(6).toString("hex")}.part`;
  try {
    await writeFile(beside, content, { flag: "wx" });
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** A pipe or a device, which no file can take the place of. */
async function isSpecial(path: string): Promise<boolean> {
  return await stat(path).then(
    (about) => !about.isFile(),
    () => false,
  );
}

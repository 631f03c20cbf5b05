import { mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "@kvmm/scenario";
import { type OpenSource, sourceOf } from "./open-source.js";
import { isSystemError } from "./read-bytes.js";

/**
 * Bytes that come once, such as a pipe's, as a source in which one can seek, in bounded memory: they are kept in a temporary
 * file that has no name any more, and is gone with the process.
 * @param onBytes - called with the bytes of each chunk
 * @throws InputError where there is no room for them
 */
export async function spill(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  onBytes: (bytes: number) => void,
): Promise<OpenSource> {
  const fd = kept(name, namelessFile);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      for (let done = 0; done < chunk.length; )
        done += kept(name, () => writeSync(fd, chunk, done, chunk.length - done, size + done));
      size += chunk.length;
      onBytes(chunk.length);
    }
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new InputError(name, { problem: `cannot be read: ${error.code}` });
  }
  return sourceOf(fd, size);
}

function namelessFile(): number {
  const folder = mkdtempSync(join(tmpdir(), "kvmm-"));
  try {
    return openSync(join(folder, "spilled"), "wx+", 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function kept<T>(name: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const problem = `cannot be kept in ${tmpdir()}: ${error.code}`;
    throw new InputError(name, { problem, hint: "TMPDIR may name a folder with more room" });
  }
}

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { didYouMean, InputError } from "@kvmm/scenario";
import type { Context } from "../context.js";

/** Files beyond this are not what they should be. */
const longestFile = 256 * 1024 * 1024;

/** What messages call a file; `-` is standard input. */
export const nameOf = (path: string) => (path === "-" ? "standard input" : path);

/** The bytes of a file, or of standard input for `-`. */
export async function readBytes(path: string, context: Pick<Context, "stdin">): Promise<Uint8Array> {
  if (path === "-") return await readAll(context.stdin());
  try {
    const about = await stat(path);
    if (about.isDirectory())
      throw new InputError(path, { problem: "is a directory", hint: await filesIn(path) });
    if (about.size > longestFile)
      throw new InputError(path, { problem: `is larger than ${longestFile / 1024 / 1024} MiB` });
    return await readFile(path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "ENOENT")
      throw new InputError(path, { problem: "does not exist", hint: await nearestFile(path) });
    throw new InputError(path, { problem: `cannot be read: ${systemReason(error)}` });
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > longestFile) {
      const problem = `is longer than ${longestFile / 1024 / 1024} MiB`;
      throw new InputError(nameOf("-"), { problem });
    }
    all.push(chunk);
  }
  return Buffer.concat(all);
}

export async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

export function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

function systemReason({ code }: { readonly code: string }): string {
  const reasons: Readonly<Record<string, string>> = {
    EACCES: "permission denied",
    EPERM: "operation not permitted",
    ELOOP: "too many symbolic links",
    ENOTDIR: "a part of its path is not a directory",
    ENAMETOOLONG: "its name is too long",
    ERR_INVALID_ARG_VALUE: "its name has a null character",
  };
  return reasons[code] ?? code;
}

async function filesIn(path: string): Promise<string | undefined> {
  const names = await readdir(path).catch(() => []);
  const readable = names.filter((name) => /\.(ya?ml|jsonl?)$/.test(name)).sort();
  if (readable.length === 0) return "name a file";
  return `name a file in it, such as ${path.replace(/\/$/, "")}/${readable[0]}`;
}

async function nearestFile(path: string): Promise<string | undefined> {
  const names = await readdir(dirname(path)).catch(() => []);
  return didYouMean(basename(path), names);
}

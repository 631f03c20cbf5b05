import { createReadStream } from "node:fs";
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
  if (path === "-") return await readAll(context.stdin(), path);
  const about = await readable(path, () => stat(path));
  if (!about.isFile() && !about.isDirectory()) return await readAll(await readChunks(path, context), path);
  if (about.size > longestFile)
    throw new InputError(path, { problem: `is larger than ${longestFile / 1024 / 1024} MiB` });
  return await readable(path, () => readFile(path));
}

/** The bytes of a file, or of standard input for `-`, as they come and however many. */
export async function readChunks(
  path: string,
  context: Pick<Context, "stdin">,
): Promise<AsyncIterable<Uint8Array>> {
  if (path === "-") return context.stdin();
  await readable(path, () => stat(path));
  return (async function* () {
    const stream = createReadStream(path)[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await readable(path, () => stream.next());
      if (done === true) return;
      yield value as Uint8Array;
    }
  })();
}

/** Does something with a path; what goes wrong is told as a mistake in the path. */
async function readable<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    if (error.code === "ENOENT")
      throw new InputError(path, { problem: "does not exist", hint: await nearestFile(path) });
    if (error.code === "EISDIR")
      throw new InputError(path, { problem: "is a directory", hint: await filesIn(path) });
    throw new InputError(path, { problem: `cannot be read: ${systemReason(error)}` });
  }
}

async function readAll(chunks: AsyncIterable<Uint8Array>, path: string): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > longestFile) {
      const problem = `is longer than ${longestFile / 1024 / 1024} MiB`;
      throw new InputError(nameOf(path), { problem });
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

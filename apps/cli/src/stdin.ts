import { InputError } from "@kvmm/scenario";
import { longestFile } from "./input/read-bytes.js";

/** All of standard input. */
export async function readStdin(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    const bytes = Buffer.from(chunk as Buffer);
    length += bytes.length;
    if (length > longestFile)
      throw new InputError("standard input", { problem: `is longer than ${longestFile / 1024 / 1024} MiB` });
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

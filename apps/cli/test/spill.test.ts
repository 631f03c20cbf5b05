import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { spill } from "../src/input/spill.js";

async function* stream(chunks: readonly Uint8Array[]) {
  yield* chunks;
}

afterEach(() => void vi.unstubAllEnvs());

test("what came in chunks can be read from anywhere, and nothing is left behind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kvmm-spill-"));
  vi.stubEnv("TMPDIR", folder);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array()), fc.nat(100), fc.nat(100), async (chunks, from, length) => {
      let counted = 0;
      const source = await spill(stream(chunks), "standard input", (bytes) => {
        counted += bytes;
      });
      const all = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
      expect([source.size, counted]).toEqual([all.length, all.length]);
      expect([...source.read(from, length)]).toEqual([...all.subarray(from, from + length)]);
      source.close();
    }),
    { numRuns: 50 },
  );
  expect(readdirSync(folder)).toEqual([]);
});

test("without a place to keep it, the message names the place and what would help", async () => {
  vi.stubEnv("TMPDIR", "/nowhere/at/all");
  await expect(spill(stream([]), "standard input", () => {})).rejects.toThrow(
    "standard input: cannot be kept in /nowhere/at/all: ENOENT; TMPDIR may name a folder with more room",
  );
});

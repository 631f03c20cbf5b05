import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Replay } from "./replay.js";
import type { VectorSequence } from "./vectors.js";

describe.each(["4k", "16k", "64k"])("the kernel's page-table code, %s pages", (granule) => {
  const text = readFileSync(new URL(`../../vectors/vectors-${granule}.jsonl`, import.meta.url), "utf8");
  const sequences = text.trimEnd().split("\n").map((line) => JSON.parse(line) as VectorSequence);

  test(`${sequences.length} sequences`, () => {
    const differences: string[] = [];
    for (const sequence of sequences) {
      const replay = new Replay(sequence);
      sequence.ops.forEach((op, i) => {
        for (const text of replay.run(op)) differences.push(`sequence ${sequence.seq}, operation ${i}, ${text}`);
      });
    }
    expect(differences.slice(0, 20)).toEqual([]);
  }, 120_000);
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { replayAll } from "./replay.js";

const text = readFileSync(new URL("../../vectors/vectors-4k.jsonl", import.meta.url), "utf8");

test("the kernel's page-table code, 4k pages: 226 sequences", () => {
  const { sequences, operations, differences } = replayAll(text);
  expect(differences).toEqual([]);
  expect([sequences, operations]).toEqual([226, 6472]);
}, 600_000);

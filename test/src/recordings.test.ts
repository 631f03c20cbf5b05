import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { expect, test } from "vitest";
import { root } from "./root.js";

const recordings = join(root, "recordings");
const ours = ["ORIGIN.md", "SHA256SUMS"];

function recordedFiles(): string[] {
  return readdirSync(recordings, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(recordings, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((name) => !ours.includes(name))
    .sort();
}

function checksums(): [sum: string, name: string][] {
  const lines = readFileSync(join(recordings, "SHA256SUMS"), "utf8").trimEnd().split("\n");
  return lines.map((line) => [line.slice(0, 64), line.slice(66)]);
}

test("every recording has its checksum", () => {
  const names = checksums().map(([, name]) => name);
  expect(names.sort()).toEqual(recordedFiles());
});

test.each(checksums())("%s %s", (sum, name) => {
  const bytes = readFileSync(join(recordings, name));
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(sum);
});

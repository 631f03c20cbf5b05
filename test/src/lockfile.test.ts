import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./root.js";

test("the lockfile names packages and checksums, and no host to fetch them from", () => {
  const lockfile = readFileSync(join(root, "pnpm-lock.yaml"), "utf8");
  const lines = lockfile.split("\n").filter((line) => /tarball:|:\/\/|git\+|@file:/.test(line));
  expect(lines).toEqual([]);
});

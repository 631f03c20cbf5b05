import { readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";
import * as traces from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const block = (language: string) => readme.split(`\`\`\`${language}\n`)[1]!.split("```")[0]!;

test("the README's example runs and prints what the README says", () => {
  const compiled = ts.transpileModule(block("ts"), { compilerOptions: { target: ts.ScriptTarget.ES2023 } });
  const code = compiled.outputText.replace(
    /^import (\{[^}]*\}) from "@kvmm\/traces";$/m,
    "const $1 = traces;",
  );
  const lines: string[] = [];
  new Function("traces", "console", code)(traces, { log: (line: string) => lines.push(line) });
  expect(`${lines.join("\n")}\n`).toBe(block("text"));
});

test("the README's table names what the package exports", () => {
  const rows = readme
    .split("## API")[1]!
    .split("## Limits")[0]!
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const names = rows.map((row) => row.match(/`(\w+)`/)![1]!);
  expect(names.filter((name) => !(name in traces))).toEqual([]);
  expect(names.length).toBeGreaterThan(5);
});

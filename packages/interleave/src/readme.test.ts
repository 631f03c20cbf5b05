import { readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";
import * as interleave from "./index.js";

test("the README's example runs and prints what the README says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const block = (language: string) => readme.split(`\`\`\`${language}\n`)[1]!.split("```")[0]!;
  const compiled = ts.transpileModule(block("ts"), { compilerOptions: { target: ts.ScriptTarget.ES2023 } });
  const code = compiled.outputText.replace(
    /^import (\{[^}]*\}) from "@kvmm\/interleave";$/m,
    "const $1 = interleave;",
  );
  const lines: string[] = [];
  new Function("interleave", "console", code)(interleave, { log: (line: string) => lines.push(line) });
  expect(`${lines.join("\n")}\n`).toBe(block("text"));
});

test("the README's table names what the package exports", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const rows = readme
    .split("## API")[1]!
    .split("\n## ")[0]!
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const names = rows.flatMap((row) => [...row.split("|")[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  const types = ["Guard"];
  expect(names.filter((name) => !types.includes(name) && !(name in interleave))).toEqual([]);
  expect(names.length).toBeGreaterThan(15);
});

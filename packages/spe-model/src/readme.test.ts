import { readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";
import * as spe from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

function blocks(language: string): string[] {
  return readme
    .split(`\`\`\`${language}\n`)
    .slice(1)
    .map((rest) => rest.split("```")[0]!);
}

test.each([0, 1])("the README's example %i runs and prints what the README says", (n) => {
  const compiled = ts.transpileModule(blocks("ts")[n]!, {
    compilerOptions: { target: ts.ScriptTarget.ES2023 },
  });
  const code = compiled.outputText.replace(
    /^import (\{[^}]*\}) from "@kvmm\/spe-model";$/m,
    "const $1 = spe;",
  );
  const lines: string[] = [];
  new Function("spe", "console", code)(spe, { log: (line: unknown) => lines.push(String(line)) });
  expect(`${lines.join("\n")}\n`).toBe(blocks("text")[n]);
});

test("the README's table names all values that the package exports, and no others", () => {
  const rows = readme
    .split("## API")[1]!
    .split("## What perf prints")[0]!
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  const names = rows.flatMap((row) => [...row.split("|")[1]!.matchAll(/`(\w+)`/g)].map(([, name]) => name!));
  expect([...names].sort()).toEqual(Object.keys(spe).sort());
});

import { readFileSync } from "node:fs";
import * as interleave from "@kvmm/interleave";
import * as kvmMemslots from "@kvmm/kvm-memslots";
import * as mmCore from "@kvmm/mm-core";
import { expect, test } from "vitest";
import * as stage2 from "./index.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** The blocks of a language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"))].map(([, block]) => block!);
}

test.each(blocks("ts").map((code, index) => [index, code] as const))(
  "example %i of the README runs, and prints what it says",
  (index, example) => {
    const packages: Record<string, unknown> = {
      "@kvmm/interleave": interleave,
      "@kvmm/mm-core": mmCore,
      "@kvmm/kvm-memslots": kvmMemslots,
      "@kvmm/arm64-stage2": stage2,
    };
    const code = example.replaceAll(/^import (\{.*\}) from "(.*)";$/gm, 'const $1 = packages["$2"];');
    const printed: string[] = [];
    new Function("packages", "console", code)(packages, { log: (text: string) => printed.push(text) });
    expect(printed.join("\n").trimEnd()).toBe(blocks("text")[index]!.trimEnd());
  },
);

test("the README names every value that the page-table half exports", async () => {
  const index = readFileSync(new URL("./index.ts", import.meta.url), "utf8");
  const lines = index.matchAll(/^export \{([^}]*)\} from "\.\/(?!fault\/|behaviour)/gms);
  const names = [...lines].flatMap(([, list]) => list!.split(",").map((name) => name.trim()));
  const values = names.filter((name) => name in stage2);
  expect(values.length).toBeGreaterThan(40);
  expect(values.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});

test("the README counts the vectors right", () => {
  const lines = (file: string) =>
    readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
  const files = ["4k", "16k", "64k"].map((granule) => lines(`vectors-${granule}.jsonl`));
  const operations = files
    .flat()
    .reduce((sum, line) => sum + (JSON.parse(line) as { ops: unknown[] }).ops.length, 0);
  expect(readme).toContain(
    `${files.flat().length} sequences of ${operations.toLocaleString("en")} operations`,
  );
  expect(readme).toContain(`${lines("vtcr.jsonl").length.toLocaleString("en")} configurations`);
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { budgets } from "../check/budgets.js";
import { code, plain, table } from "./markdown.js";
import { root } from "./workspace.js";
import { writePage } from "./write.js";

/** From the last run of the benchmarks: bench/results holds one JSON document for each. */
export function generateBenchmarks(): void {
  const directory = `${root}bench/results`;
  const files = existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => name.endsWith(".json"))
        .sort()
    : [];
  const lines = ["# Benchmarks", "", "What the model costs. `npm run bench` measures again.", ""];
  if (files.length === 0) lines.push("No run of the benchmarks has been kept yet.");
  for (const file of files) {
    const document: unknown = JSON.parse(readFileSync(`${directory}/${file}`, "utf8"));
    lines.push(`## ${plain(file.replace(/\.json$/, ""))}`, "", ...render(document), "");
  }
  lines.push(
    "## This site",
    "",
    "What a page may weigh at first, compressed: its HTML, scripts and styles. A build that exceeds it fails. The editor and the model",
    "of the playground come after the page, and so does the search index.",
    "",
    table(
      ["page", "at most"],
      Object.entries(budgets).map(([page, most]) => [code(page), `${most} kB`]),
    ),
  );
  writePage("benchmarks.md", lines, ["aside: false", "pageClass: wide"]);
}

/** Whatever a benchmark wrote: scalars as a list, lists of records as tables. */
function render(value: unknown): readonly string[] {
  if (!isRecord(value)) return [Array.isArray(value) ? recordsTable(value) : scalar(value)];
  const entries = Object.entries(value);
  const lines = entries.filter(([, v]) => !isNested(v)).map(([name, v]) => `- ${plain(name)}: ${scalar(v)}`);
  for (const [name, nested] of entries.filter(([, v]) => isNested(v)))
    lines.push("", `### ${plain(name)}`, "", ...render(nested));
  return lines;
}

function recordsTable(list: readonly unknown[]): string {
  const records = list.filter(isRecord);
  if (records.length !== list.length || list.length === 0) return list.map(scalar).join(", ");
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return table(
    keys.map(plain),
    records.map((record) => keys.map((key) => scalar(record[key]))),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNested(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** What one explorer made of a model: `holds, 87 states, 0.03 s, 96 MB`. */
function outcome({ verdict, states, cpuSeconds, megabytes }: Record<string, unknown>): string {
  const parts = [
    scalar(verdict),
    `${scalar(states)} states`,
    `${scalar(cpuSeconds)} s`,
    `${scalar(megabytes)} MB`,
  ];
  return parts.join(", ");
}

function scalar(value: unknown): string {
  if (typeof value === "number")
    return Number.isInteger(value) ? `${value}` : `${Number(value.toPrecision(4))}`;
  if (value === undefined || value === null) return "";
  if (isRecord(value) && "cpuSeconds" in value) return outcome(value);
  return typeof value === "object" ? code(JSON.stringify(value)) : plain(String(value));
}

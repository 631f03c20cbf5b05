import { existsSync, readdirSync, readFileSync } from "node:fs";
import { budgets } from "../check/budgets.js";
import { benchmarkLines } from "./benchmark-tables.js";
import { explorerTable } from "./explorer-table.js";
import { code, plain, table } from "./markdown.js";
import { root } from "./workspace.js";
import { writePage } from "./write.js";

/** What the benchmarks measure, in the order in which a reader asks. */
const about: Readonly<Record<string, readonly [title: string, text: string]>> = {
  explore: [
    "Exploring",
    "The explorer beside SPIN on equivalent models: CPU seconds and megabytes until every state was seen, or the bug found. Sizes " +
      "are the constants of the models in bench/peers.",
  ],
  faults: ["Guest faults", "A guest's fault, through the whole path: memslot, host page, stage 2."],
  stage2: ["Stage-2 tables", "The tables of stage 2, alone and under KVM's faults."],
  slots: [
    "Memslots",
    "Looking up and changing memslots, by how many there are, beside a sorted array and an interval tree.",
  ],
  mm: ["The host's memory", "System calls and page faults of the host's model."],
  spe: [
    "SPE records",
    "Decoding the same records in each way that there is, beside a loop that only reads the bytes, and beside perf's raw dump of them.",
  ],
};

/** From the last run of the benchmarks: bench/results holds one JSON document for each. */
export function generateBenchmarks(): void {
  const directory = `${root}bench/results`;
  const rank = (name: string) => Object.keys(about).indexOf(name) >>> 0;
  const names = (existsSync(directory) ? readdirSync(directory) : [])
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.replace(/\.json$/, ""))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const lines = [
    "# Benchmarks",
    "",
    "What the model costs, from the last run that was kept in `bench/results`; `npm run bench` measures again. Peers ran on the same",
    "machine at the same time: compare the columns of one table, not tables with each other.",
    "",
  ];
  for (const name of names) {
    const [title, text] = about[name] ?? [plain(name), ""];
    const document: unknown = JSON.parse(readFileSync(`${directory}/${name}.json`, "utf8"));
    lines.push(`## ${title}`, "", text, "", ...linesOf(name, document), "");
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

function linesOf(name: string, document: unknown): readonly string[] {
  if (name !== "explore") return benchmarkLines(document);
  const { rows, ...others } = document as { rows: Parameters<typeof explorerTable>[0] };
  return [explorerTable(rows), "", ...benchmarkLines(others)];
}

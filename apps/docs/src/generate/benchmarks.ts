import { existsSync, readdirSync, readFileSync } from "node:fs";
import { benchmarkLines } from "./benchmark-tables.js";
import { type ExplorerResults, explorerLines } from "./explorer-table.js";
import { plain } from "./markdown.js";
import { root } from "./workspace.js";
import { writePage } from "./write.js";

/** What the benchmarks measure, in the order in which a reader asks. */
const about: Readonly<Record<string, readonly [title: string, text: string]>> = {
  explore: [
    "Exploring",
    "The explorer beside SPIN on equivalent models: CPU seconds and megabytes until every state was seen, or the bug found. Sizes " +
      "are the constants of the models in bench/peers. Megabytes are of the whole process: Node's own 60 to 80, and SPIN's hash table of 128.",
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
    "<script setup>",
    'import PageWeights from "../src/view/PageWeights.vue";',
    "</script>",
    "",
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
    "What pages weigh, in kilobytes after compression: at first, that is their HTML, scripts and styles; and later, that is what they ask",
    "for by themselves once they are there: the model for figures, and the editor. Search asks for its index when it is opened. A build",
    "whose pages weigh more than they may fails.",
    "",
    "<PageWeights />",
  );
  writePage("benchmarks.md", lines);
}

/** What stands above the parts of a result, where their names say too little. */
const headings: Readonly<Record<string, string>> = {
  rows: "",
  curves: "",
  growth: "CPU ns more for each doubling of the number of memslots, from so many to so many:",
};

function linesOf(name: string, document: unknown): readonly string[] {
  if (name !== "explore") return benchmarkLines(document as Record<string, unknown>, headings);
  const { tools } = document as { tools: Record<string, unknown> };
  return [...benchmarkLines({ tools }), "", ...explorerLines(document as ExplorerResults)];
}

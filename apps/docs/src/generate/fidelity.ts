import type { RecordResult } from "@kvmm/scenario";
import { notifierCensus } from "./census.js";
import { conformance } from "./conformance.js";
import { code, table } from "./markdown.js";
import { raceLines } from "./races.js";
import { type RecordedSet, recordedSets } from "./recorded.js";
import { undoneLines } from "./undone.js";
import { write, writePage } from "./write.js";

/** What the model's claims stand on: counted now, from the recordings and the code of this build. */
export function generateFidelity(): void {
  const sets = recordedSets().map((set) => ({ ...set, result: conformance(set.inputs) }));
  const all = sets.flatMap(({ result }) => result.records);
  const reproduced = count(all, "reproduced");
  const lines = [
    "# Fidelity",
    "",
    `Of **${all.length}** recordings of real kernels the model reproduces **${reproduced}**, differs on`,
    `**${count(all, "differs")}**, and lacks something that **${count(all, "not modelled")}** need. A recording is reproduced when every`,
    "field of every step agrees: return values, MMU notifiers with their range and site, stage-2 faults by page, exits, what",
    "became of each page. Counted when this site was built; `kvmm conform` counts again:",
    "",
    "```sh",
    "npm run -s kvmm -- conform recordings/*/*.jsonl",
    "```",
    "",
    "## By kernel",
    "",
    table(
      ["recordings", "reproduced", "differ", "not modelled"],
      sets.map(({ folder, result: { counts } }) => [
        code(folder),
        `${counts.reproduced}`,
        `${counts.differ}`,
        `${counts.notModelled}`,
      ]),
    ),
    "",
    "`-rfc-` is the same source with the four lines of the RFC, `-lab-` a small configuration. Where they come from:",
    "each was made by booting that kernel in an emulated arm64 machine whose own KVM ran one VM.",
    "",
    "## By area",
    "",
    "Reproduced, of how many.",
    "",
    areaTable(sets.map(({ folder, result }) => ({ folder, records: result.records }))),
    "",
    "## What differs",
    "",
    ...differLines(sets),
    "",
    "## What the model lacks",
    "",
    lackingTable(all),
    "",
    "## The notifier census",
    "",
    ...notifierCensus(),
    "",
    "## Historical bugs, undone",
    "",
    ...undoneLines(),
    "",
    "## Races",
    "",
    ...raceLines(),
  ];
  writePage("fidelity.md", lines);
  write("src/generated/counts.json", `${JSON.stringify({ recordings: all.length, reproduced })}\n`);
}

function count(records: readonly RecordResult[], outcome: RecordResult["outcome"]): number {
  return records.filter((record) => record.outcome === outcome).length;
}

interface OwnRecords {
  readonly folder: string;
  readonly records: readonly RecordResult[];
}

function areaTable(sets: readonly OwnRecords[]): string {
  const files = [...new Set(sets.flatMap(({ records }) => records.map(({ file }) => file)))].sort();
  const rows = files.map((file) => {
    const cells = sets.map(({ records }) => {
      const own = records.filter((record) => record.file === file);
      const good = count(own, "reproduced");
      if (own.length === 0) return "";
      return good === own.length ? `all ${good}` : `**${good}** of ${own.length}`;
    });
    return [code(file.replace(/\.jsonl$/, "")), ...cells];
  });
  return table(["file", ...sets.map(({ folder }) => code(folder))], rows);
}

/** Differences that are listed; `kvmm conform` lists all. */
const MOST_LISTED = 60;

function differLines(
  sets: readonly (RecordedSet & { readonly result: { readonly records: readonly RecordResult[] } })[],
): readonly string[] {
  const rows = sets.flatMap(({ folder, result }) =>
    result.records
      .filter(({ outcome }) => outcome === "differs")
      .map(({ id, differences }) => {
        const [first] = differences;
        const where = first === undefined ? "the model fails" : `step ${first.step}, ${code(first.field)}`;
        return [code(folder), code(id), where];
      }),
  );
  if (rows.length === 0) return ["No recording."];
  const more = rows.length > MOST_LISTED ? ["", `And ${rows.length - MOST_LISTED} more.`] : [];
  return [table(["recordings", "id", "first difference"], rows.slice(0, MOST_LISTED)), ...more];
}

function lackingTable(records: readonly RecordResult[]): string {
  const counts = new Map<string, number>();
  for (const { lacking } of records) {
    const [first] = lacking;
    if (first !== undefined) counts.set(first.what, (counts.get(first.what) ?? 0) + 1);
  }
  if (counts.size === 0) return "Nothing that a recording needs.";
  const rows = [...counts].sort(([, a], [, b]) => b - a).map(([what, n]) => [code(what), `${n}`]);
  return table(["what", "recordings that need it"], rows);
}

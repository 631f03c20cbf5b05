import {
  type Effect,
  numaAnswer,
  type RaceOutcome,
  type RaceRow,
  type ReviewPart,
  type ReviewResult,
  type ReviewRow,
} from "@kvmm/scenario";
import { lanes } from "./lanes.js";
import { speReviewText } from "./spe-review-text.js";
import type { Style } from "./style.js";
import { table } from "./table.js";
import { wrap } from "./wrap.js";

/** A review as a maintainer reads it: what changes, what stays, what breaks, on what evidence. */
export function reviewText(result: ReviewResult, style: Style, width: number): string {
  const { patch, parts, verdict, sentence, notCovered } = result;
  const paragraphs = [
    `${style.strong(wrap(patch.title, width))}\n${style.faint(wrap(`${patch.name}: ${patch.origin}`, width))}`,
    wrap(patch.text, width),
    style.faint(
      wrap(
        "A patch is a module that says which decision of the model falls differently; it is not the diff.",
        width,
      ),
    ),
    ...parts.map((part) => partText(part, parts[0]!, style, width)),
    speReviewText(parts, style, width),
    racesText(parts, style, width),
    ...parts.flatMap((part) => findings(part, style, width)),
    `${style.strong("Not covered")}\n${notCovered.map((text) => `  - ${wrap(text, width, "    ")}`).join("\n")}`,
  ];
  const colour = verdict === "holds" ? style.good : style.bad;
  return `${paragraphs.filter((text) => text !== "").join("\n\n")}\n\n${colour(wrap(`${verdict}: ${sentence}`, width))}\n`;
}

/** The effects on one kernel and architecture; where they are those of the first one, that is all that is said. */
function partText(part: ReviewPart, first: ReviewPart, style: Style, width: number): string {
  const title = style.strong(`Linux ${part.kernel}, ${part.arch}`);
  if (part !== first) {
    const other = part.rows.filter((row) => !sameAsIn(first, row));
    if (other.length === 0) return `${title}: every operation as on Linux ${first.kernel}, ${first.arch}`;
    return [title, ...rowsText(other, style, width)].join("\n\n");
  }
  const operations = part.rows.filter(({ kind }) => kind === "operation");
  const gmem = operations.filter(({ gmemOnly }) => gmemOnly);
  return [
    title,
    ...rowsText(operations, style, width),
    wrap(LEGEND, width),
    holePunch(gmem, width, style),
    numaText(part, style, width),
  ]
    .filter((section) => section !== "")
    .join("\n\n");
}

function rowsText(rows: readonly ReviewRow[], style: Style, width: number): string[] {
  return [
    effects(
      "guest_memfd-only slots",
      rows.filter(({ gmemOnly }) => gmemOnly),
      style,
      width,
    ),
    effects(
      "Ordinary slots",
      rows.filter(({ gmemOnly }) => !gmemOnly),
      style,
      width,
    ),
  ].filter((section) => section !== "");
}

function sameAsIn({ rows }: ReviewPart, row: ReviewRow): boolean {
  const other = rows.find(({ scenario }) => scenario === row.scenario);
  const effects = ({ without, with: patched }: ReviewRow) => JSON.stringify([without, patched]);
  return other !== undefined && effects(other) === effects(row);
}

const LEGEND =
  "Pages of a 16-page slot that stage 2 loses, each of which costs the guest a fault when it next uses it; where the " +
  'faults are another number it follows ("faults": the guest reads and then writes every page; "fail": the access ' +
  "does not complete). before -> after the patch, where they differ. * this was recorded on a real kernel, without " +
  "the patch and with it, and the model agrees with both; ' recorded without the patch only.";

/** A row per operation, a column per kind of memory. */
function effects(title: string, rows: readonly ReviewRow[], style: Style, width: number): string {
  if (rows.length === 0) return "";
  const memories = [...new Set(rows.map(({ memory }) => memory))];
  const names = [...new Set(rows.map(({ operation }) => operation))];
  const cells = names.map((operation) => [
    operation,
    ...memories.map((memory) => {
      const row = rows.find((candidate) => candidate.operation === operation && candidate.memory === memory);
      return row === undefined ? "" : cell(row, style);
    }),
  ]);
  const changed = rows.filter((row) => row.changed).length;
  const summary = changed === 0 ? "nothing changes" : `${changed} of ${rows.length} change`;
  return `${style.strong(title)}: ${summary}\n${table(["operation", ...memories], cells, style, width).trimEnd()}`;
}

function cell(row: ReviewRow, style: Style): string {
  const before = inWords(row.without);
  const after = inWords(row.with);
  return `${before === after ? before : style.good(`${before} -> ${after}`)}${mark(row)}`;
}

function inWords({ lost, faults, failed }: Effect): string {
  if (failed > 0) return `${lost}, ${failed} fail`;
  return faults === lost ? String(lost) : `${lost}, ${faults} faults`;
}

function mark({ recorded: { without, with: patched } }: ReviewRow): string {
  return without && patched ? "*" : without ? "'" : "";
}

function holePunch(rows: readonly ReviewRow[], width: number, style: Style): string {
  const punches = rows.filter(({ takesMemory }) => takesMemory);
  if (punches.length === 0) return "";
  const kept = punches.filter((row) => row.with.lost < row.without.lost);
  if (kept.length > 0) {
    return style.bad(
      wrap(`Hole punch no longer zaps: ${kept.map(({ scenario }) => scenario).join(", ")}.`, width),
    );
  }
  return wrap(
    "Hole punch still zaps stage 2, on exactly the same pages: guest_memfd drives that itself, without MMU notifiers.",
    width,
  );
}

function numaText(part: ReviewPart, style: Style, width: number): string {
  const { reached, notReached, text } = numaAnswer(part);
  const rows = [...reached, ...notReached];
  if (rows.length === 0) return "";
  const head = ["memory policy", "MMU notifier", "stage 2 loses"];
  const cells = rows.map((row) => [policyOf(row), row.without.notified > 0 ? "yes" : "no", cell(row, style)]);
  return `${style.strong("When does NUMA balancing reach a guest_memfd-only slot?")}\n${table(head, cells, style, width).trimEnd()}\n\n${wrap(text, width)}`;
}

/** What can happen at the same time: a row per race, a column per kernel and architecture. */
function racesText(parts: readonly ReviewPart[], style: Style, width: number): string {
  const titles = [...new Set(parts.flatMap(({ races }) => races.map(({ title }) => title)))];
  if (titles.length === 0) return "";
  const cells = titles.map((title) => [
    title,
    ...parts.map(({ races }) => {
      const row = races.find((candidate) => candidate.title === title);
      return row === undefined ? "" : raceCell(row, style);
    }),
  ]);
  const head = ["race", ...parts.map(({ kernel, arch }) => `${kernel} ${arch}`)];
  const states = parts.flatMap(({ races }) => races.flatMap((row) => [row.without.states, row.with.states]));
  const total = states.reduce((sum, count) => sum + count, 0).toLocaleString("en");
  return `${style.strong("Every interleaving of")} (${total} states)\n${table(head, cells, style, width).trimEnd()}`;
}

function raceCell(row: RaceRow, style: Style): string {
  const before = outcome(row.without);
  const after = outcome(row.with);
  if (before === after) return before;
  return (row.with.verdict === "breaks" ? style.bad : style.good)(`${before} -> ${after}`);
}

function outcome({ verdict, complete }: RaceOutcome): string {
  if (verdict === "breaks") return "breaks";
  return complete ? "holds" : "not exhaustive";
}

function policyOf({ policy }: ReviewRow): string {
  const { ofFile, ofTask, mode } = policy!;
  const told =
    ofFile !== "none" ? `mbind ${ofFile}` : ofTask !== "default" ? `set_mempolicy ${ofTask}` : "none";
  return mode === 1 ? told : `${told}, kernel.numa_balancing=${mode}`;
}

function findings(part: ReviewPart, style: Style, width: number): string[] {
  const on = `on Linux ${part.kernel}, ${part.arch}`;
  const broken = part.broken.map(
    ({ scenario, violation }) =>
      `${style.bad(`Breaks ${scenario} ${on}`)}\n${lanes(violation, style, width).trimEnd()}`,
  );
  const mended = part.mended.map(({ scenario, violation }) =>
    wrap(`${style.good(`Mends ${scenario}`)} ${on}: ${violation.text}`, width, "  "),
  );
  const lacking = part.notModelled.map(({ scenario, why }) =>
    style.unsure(wrap(`Not modelled ${on}: ${scenario}: ${why}`, width, "  ")),
  );
  return [...broken, ...mended, ...lacking];
}

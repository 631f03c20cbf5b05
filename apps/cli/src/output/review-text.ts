import {
  type Effect,
  numaAnswer,
  type RaceOutcome,
  type ReviewPart,
  type ReviewResult,
  type ReviewRow,
} from "@kvmm/scenario";
import { lanes } from "./lanes.js";
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
    ...parts.map((part) => partText(part, style, width)),
    `${style.strong("Not covered")}\n${notCovered.map((text) => `  - ${wrap(text, width, "    ")}`).join("\n")}`,
  ];
  const colour = verdict === "holds" ? style.good : style.bad;
  return `${paragraphs.join("\n\n")}\n\n${colour(wrap(`${verdict}: ${sentence}`, width))}\n`;
}

function partText(part: ReviewPart, style: Style, width: number): string {
  const operations = part.rows.filter(({ kind }) => kind === "operation");
  const gmem = operations.filter(({ gmemOnly }) => gmemOnly);
  const ordinary = operations.filter(({ gmemOnly }) => !gmemOnly);
  const sections = [
    style.strong(`Linux ${part.kernel}, ${part.arch}`),
    effects("Slots whose memory comes only from a guest_memfd", gmem, style, width),
    effects("Ordinary slots", ordinary, style, width),
    wrap(LEGEND, width),
    holePunch(gmem, style, width),
    numaText(part, style, width),
    raceText(part, style, width),
    findings(part, style, width),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
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

function holePunch(rows: readonly ReviewRow[], style: Style, width: number): string {
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

/** What can happen at the same time, in every interleaving. */
function raceText({ races }: ReviewPart, style: Style, width: number): string {
  if (races.length === 0) return "";
  const cells = races.map((row) => [row.title, outcome(row.without, style), outcome(row.with, style)]);
  const head = ["race", "without the patch", "with it"];
  return `${style.strong("Every interleaving of")}\n${table(head, cells, style, width).trimEnd()}`;
}

function outcome({ verdict, states, complete }: RaceOutcome, style: Style): string {
  if (verdict === "breaks") return style.bad("breaks");
  const count = `${states.toLocaleString("en")} states`;
  return complete ? `holds, ${count}` : style.unsure(`not exhaustive, ${count}`);
}

function policyOf({ policy }: ReviewRow): string {
  const { ofFile, ofTask, mode } = policy!;
  const told =
    ofFile !== "none" ? `mbind ${ofFile}` : ofTask !== "default" ? `set_mempolicy ${ofTask}` : "none";
  return mode === 1 ? told : `${told}, kernel.numa_balancing=${mode}`;
}

function findings(part: ReviewPart, style: Style, width: number): string {
  const lines: string[] = [];
  for (const { scenario, violation } of part.broken)
    lines.push(`${style.bad(`breaks ${scenario}`)}\n${lanes(violation, style, width).trimEnd()}`);
  for (const { scenario, violation } of part.mended)
    lines.push(`${style.good(`mends ${scenario}`)}: ${wrap(violation.text, width, "  ")}`);
  for (const { scenario, why } of part.notModelled)
    lines.push(style.unsure(wrap(`not modelled: ${scenario}: ${why}`, width, "  ")));
  return lines.join("\n");
}

import { kernelInWords, type MatrixCell, type MatrixResult } from "@kvmm/scenario";
import { censusText, siteText } from "./census-text.js";
import type { Style } from "./style.js";
import { table, tableWidth } from "./table.js";
import { wrap } from "./wrap.js";

/** What was asked for. */
export interface MatrixQuestion {
  readonly site: string | undefined;
  /** Kinds of memory one by one, with faults and call sites. */
  readonly isDetailed: boolean;
}

type Memory = MatrixResult["memories"][number];
type Operation = MatrixResult["operations"][number];

/** The matrix as a maintainer reads it. */
export function matrixText(
  result: MatrixResult,
  { site, isDetailed }: MatrixQuestion,
  style: Style,
  width: number,
): string {
  const { kernel, arch, patches, memories, cells } = result;
  const on = [`${kernelInWords(kernel)}, ${arch}`, ...patches].join(", with ");
  const sections = [
    style.strong(wrap(on, width)),
    site === undefined ? "" : siteText(result.sites, style, width),
    cells.length === 0 ? wrap(nothing(site), width) : "",
    ...(cells.length === 0
      ? []
      : isDetailed
        ? memories.map((memory) => detail(result, memory, style, width))
        : overview(result, style, width)),
    cells.length === 0 ? "" : wrap(isDetailed ? DETAIL_LEGEND : LEGEND, width),
    standing(result, width),
    site === undefined ? censusText(result, style, width) : "",
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

const nothing = (site: string | undefined) =>
  site === undefined
    ? "No operation makes sense on this memory."
    : `No operation of the matrix reaches ${site}.`;

const MARKS =
  "* this was recorded on a real kernel, and the model does the same; without it the cell follows the kernel's source alone.";

const LEGEND =
  "Pages of the slot that stage 2 loses. . KVM is not told. 0: told, and nothing is lost. a: aged. r: some can only be " +
  "read until the next fault. +: when the guest then reads and writes every page it takes more faults than pages were " +
  `lost. !: some accesses of the guest fail afterwards. ?: not modelled. ${MARKS}`;

const DETAIL_LEGEND =
  "lost: pages that stage 2 no longer maps; r/o: pages that the guest can read and no longer write; aged: pages whose access flag was asked " +
  "for and cleared; faults: what the guest takes when it then reads and writes every page; fail: pages where its access " +
  `does not complete. ${MARKS}`;

/** Two tables, of ordinary memory and of guest_memfd; and which call site it was, beside each or below. */
function overview(result: MatrixResult, style: Style, width: number): string[] {
  const parts = [
    { title: "Ordinary slots", memories: result.memories.filter(({ gmemOnly }) => !gmemOnly) },
    { title: "guest_memfd-only slots", memories: result.memories.filter(({ gmemOnly }) => gmemOnly) },
  ].filter(({ memories }) => memories.length > 0);
  const tables = parts.map(({ memories, title }) => {
    const operations = operationsOn(result, memories);
    const wideHead = ["operation", ...memories.map(({ name }) => name)];
    // The last word of a name under the rest of it.
    const narrowHead = wideHead.map((title) => title.replace(/-(?=\w+$)/, "-\n"));
    const rows = operations.map((operation) => [
      operation.title,
      ...memories.map((memory) => shortCell(cellAt(result, operation, memory))),
    ]);
    const withSites = rows.map((row, at) => [...row, sitesOf(result, operations[at]!, memories).join(", ")]);
    const head = [wideHead, narrowHead].find(
      (each) => tableWidth([...each, "raised by"], withSites) <= width,
    );
    const text =
      head !== undefined
        ? table([...head, "raised by"], withSites, style, width)
        : table(tableWidth(wideHead, rows) <= width ? wideHead : narrowHead, rows, style, width);
    return { hasSites: head !== undefined, text: `${style.strong(title)}\n${text.trimEnd()}` };
  });
  const below = tables.every(({ hasSites }) => hasSites) ? [] : [raisedBy(result, style, width)];
  return [...tables.map(({ text }) => text), ...below];
}

function raisedBy(result: MatrixResult, style: Style, width: number): string {
  const column = Math.max(...result.operations.map(({ title }) => title.length)) + 4;
  const lines = result.operations.flatMap((operation) => {
    const sites = sitesOf(result, operation, result.memories);
    if (sites.length === 0) return [];
    return [`  ${operation.title.padEnd(column - 2)}${wrap(sites.join(", "), width, " ".repeat(column))}`];
  });
  if (lines.length === 0) return "";
  return `${style.strong("Raised by")}\n${lines.join("\n")}`;
}

/** One kind of memory, with numbers. */
function detail(result: MatrixResult, memory: Memory, style: Style, width: number): string {
  const operations = operationsOn(result, [memory]);
  const head = ["operation", "lost", "r/o", "aged", "faults", "fail", "raised by"];
  const rows = operations.map((operation) => {
    const cell = cellAt(result, operation, memory)!;
    const { effect } = cell;
    if (effect === undefined) return [operation.title, "?", "", "", "", "", cell.why ?? ""];
    const { lost, writeProtected, aged, faults, failed, sites } = effect;
    const counts = [writeProtected, aged, faults, failed].map((count) => (count === 0 ? "." : String(count)));
    return [operation.title, `${lost === 0 ? "." : lost}${mark(cell)}`, ...counts, sites.join(", ")];
  });
  const title = `${memory.label} (${memory.name}), ${memory.pages} pages`;
  return `${style.strong(title)}\n${table(head, rows, style, width).trimEnd()}`;
}

function operationsOn(result: MatrixResult, memories: readonly Memory[]): readonly Operation[] {
  return result.operations.filter((operation) =>
    memories.some((memory) => cellAt(result, operation, memory) !== undefined),
  );
}

function cellAt(
  { cells }: MatrixResult,
  { name: operation }: Operation,
  { name: memory }: Memory,
): MatrixCell | undefined {
  return cells.find((cell) => cell.operation === operation && cell.memory === memory);
}

function sitesOf(result: MatrixResult, operation: Operation, memories: readonly Memory[]): string[] {
  const sites = memories.flatMap((memory) => cellAt(result, operation, memory)?.effect?.sites ?? []);
  return [...new Set(sites)];
}

function shortCell(cell: MatrixCell | undefined): string {
  if (cell === undefined) return "";
  const { effect, mapped } = cell;
  if (effect === undefined) return "?";
  const { lost, writeProtected, aged, faults, failed, notified } = effect;
  const flags = [
    aged > 0 ? "a" : "",
    writeProtected > 0 ? "r" : "",
    faults > lost && failed === 0 ? "+" : "",
    failed > 0 ? "!" : "",
  ].join("");
  if (lost === 0 && flags !== "") return `${flags}${mark(cell)}`;
  const pages = lost === 0 ? (notified === 0 ? "." : "0") : lost === mapped ? "all" : String(lost);
  return `${pages}${flags}${mark(cell)}`;
}

function mark({ standsOn }: MatrixCell): string {
  return standsOn === "recorded" ? "*" : "";
}

/** What the cells stand on. */
function standing({ counts, evidence, cells }: MatrixResult, width: number): string {
  if (cells.length === 0) return "";
  const where = evidence.recordedOn.length === 0 ? "" : ` on ${evidence.recordedOn.join(", ")}`;
  const parts = [
    `${counts.recorded} recorded${where}, and the same in the model (*)`,
    `${counts["from source"]} from source`,
    ...(counts["not modelled"] === 0 ? [] : [`${counts["not modelled"]} not modelled`]),
  ];
  return wrap(`${cells.length} cells: ${parts.join("; ")}.`, width);
}

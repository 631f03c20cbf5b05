import { numaAnswer, type ReviewPart, type ReviewRow } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { rfcReview } from "./rfc-review.js";
import { write } from "./write.js";

/** The tables of the findings, from a review of the RFC at build time. */
export function generateReview(): void {
  const part = rfcReview().find(({ kernel, arch }) => kernel === "7.2" && arch === "arm64")!;
  write("src/generated/numa.md", numaTable(part));
  write("src/generated/operations.md", operationTable(part));
}

function numaTable(part: ReviewPart): string {
  const { reached, notReached } = numaAnswer(part);
  const row = (found: string) => (row: ReviewRow) => [
    code(row.policy!.ofFile),
    code(row.policy!.ofTask),
    `${row.policy!.mode}`,
    found,
    row.recorded.without ? "yes" : "no",
    `[open](/playground.md#example=${encodeURIComponent(row.scenario)})`,
  ];
  const rows = [...reached.map(row("**yes**")), ...notReached.map(row("no"))];
  const head = ["policy of the file", "of the task", "numa\\_balancing", "notifier", "same recorded", ""];
  return `${table(head, rows)}\n`;
}

/** A row for each operation, a column for what is mapped at the slot. */
function operationTable({ rows }: ReviewPart): string {
  const own = rows.filter(({ gmemOnly, kind }) => gmemOnly && kind === "operation");
  const operations = [...new Set(own.map(({ operation }) => operation))];
  const memories = [...new Set(own.map(({ memory }) => memory))];
  const cellOf = (operation: string, memory: string) => {
    const row = own.find((each) => each.operation === operation && each.memory === memory);
    if (row === undefined) return "";
    const lost = row.changed ? `${row.without.lost} → ${row.with.lost}` : `${row.without.lost}`;
    const star = row.recorded.without && row.recorded.with ? "\\*" : "";
    return `[${lost}](/playground.md#example=${encodeURIComponent(row.scenario)})${star}`;
  };
  const cells = operations.map((operation) => [
    plain(operation),
    ...memories.map((memory) => cellOf(operation, memory)),
  ]);
  return `${table(["operation", ...memories.map(plain)], cells)}\n`;
}

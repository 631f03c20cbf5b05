import Table from "cli-table3";
import type { Style } from "./style.js";

const BARE = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
} as const;

/** A table with a head and no lines; without room for it, each row is a block of `column: cell` lines. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style,
  width: number,
): string {
  const widths = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? "")].map(visibleLength)),
  );
  const total = widths.reduce((sum, w) => sum + w, 0) + 2 * (head.length - 1) + 2;
  if (total > width) return blocks(head, rows, style);
  const made = new Table({
    chars: BARE,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    head: head.map(style.faint),
  });
  for (const row of rows) made.push([...row]);
  return `${made
    .toString()
    .split("\n")
    .map((line) => `  ${line.trimEnd()}`)
    .join("\n")}\n`;
}

function blocks(head: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  return rows
    .map(([first = "", ...cells]) => {
      const lines = cells.map((cell, i) =>
        cell === "" ? "" : `    ${style.faint(`${head[i + 1]}:`)} ${cell}\n`,
      );
      return `  ${style.strong(first)}\n${lines.join("")}`;
    })
    .join("");
}

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

function visibleLength(text: string): number {
  return text.replace(ESCAPES, "").length;
}

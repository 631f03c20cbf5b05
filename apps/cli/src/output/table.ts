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

/** A table with a head, whose titles may have several lines; without room for it, each row is a block of `column: cell` lines. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style,
  width: number,
): string {
  if (tableWidth(head, rows) > width) return blocks(head, rows, style);
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

/** The columns that {@link table} takes, where it has the room. */
export function tableWidth(head: readonly string[], rows: readonly (readonly string[])[]): number {
  const widths = head.map((title, column) =>
    Math.max(...[...title.split("\n"), ...rows.map((row) => row[column] ?? "")].map(visibleLength)),
  );
  return widths.reduce((sum, w) => sum + w, 0) + 2 * (head.length - 1) + 2;
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

export function visibleLength(text: string): number {
  return text.replace(ESCAPES, "").length;
}

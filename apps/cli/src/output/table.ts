import Table from "cli-table3";
import type { Style } from "./style.js";
import { wrap } from "./wrap.js";

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

/** The least that the first column is narrowed to, so that the others have room. */
const LEAST = 24;

/**
 * A table with a head, whose titles may have several lines. Where it is too wide the first column is wrapped; without
 * room for that, each row is a block of `column: cell` lines.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  style: Style,
  width: number,
): string {
  const over = tableWidth(head, rows) - width;
  if (over > 0) {
    const room = columnWidth(head[0] ?? "", rows, 0) - over;
    if (room < LEAST) return blocks(head, rows, style);
    return table(head, narrowed(rows, room), style, width);
  }
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
  const widths = head.map((title, column) => columnWidth(title, rows, column));
  return widths.reduce((sum, w) => sum + w, 0) + 2 * (head.length - 1) + 2;
}

function columnWidth(title: string, rows: readonly (readonly string[])[], column: number): number {
  const lines = [title, ...rows.map((row) => row[column] ?? "")].flatMap((cell) => cell.split("\n"));
  return Math.max(...lines.map(visibleLength));
}

function narrowed(rows: readonly (readonly string[])[], room: number): readonly (readonly string[])[] {
  return rows.map(([first = "", ...cells]) => [wrap(first, room, "  "), ...cells]);
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

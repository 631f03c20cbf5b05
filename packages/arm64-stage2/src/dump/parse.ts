import { ADDRESS_LIMIT } from "../address.js";
import { parseAttributes } from "./attributes.js";
import type { DumpRange } from "./dump.js";

/** What {@link parseDump} could read. */
export interface ParsedDump {
  readonly ranges: readonly DumpRange[];
  /** Why it stopped, if it did; lines count from 1. */
  readonly problem: { readonly line: number; readonly message: string } | null;
}

const MARKER = /^---\[ .* \]---$/;
const RANGE = /^0x([0-9a-f]{16})-0x([0-9a-f]{16}) +([0-9]{1,16})([KMGTPE]) ([0-3])((?: .*)?)$/;

/** No line of a dump is longer. */
const MAX_LINE = 200;

/** Reads a debugfs file `stage2_page_tables`. Stops at the first line that is none, and keeps what it had read. */
export function parseDump(text: string): ParsedDump {
  const ranges: DumpRange[] = [];
  let line = 0;
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf("\n", from);
    const to = newline < 0 ? text.length : newline;
    line++;
    if (to - from > MAX_LINE)
      return { ranges, problem: { line, message: `the line is longer than ${MAX_LINE}` } };
    const content = text.slice(from, to);
    from = to + 1;
    if (content.trim() === "" || MARKER.test(content)) continue;
    const range = parseRange(content, ranges.at(-1)?.[1] ?? null);
    if (typeof range === "string") return { ranges, problem: { line, message: range } };
    ranges.push(range);
  }
  return { ranges, problem: null };
}

/** @returns the range, or what is wrong with the line */
function parseRange(line: string, previousEnd: number | null): DumpRange | string {
  const match = RANGE.exec(line);
  if (match === null) return `"${line.slice(0, 80)}" is no range of a stage-2 dump`;
  const first = Number.parseInt(match[1]!, 16);
  const end = Number.parseInt(match[2]!, 16);
  if (end > ADDRESS_LIMIT || first >= end)
    return `the range 0x${match[1]}-0x${match[2]} is empty, or beyond 2^52`;
  if (previousEnd !== null && first !== previousEnd)
    return "the range does not begin where the one before it ended";
  const level = Number(match[5]);
  const attributes = match[6]!.trim().split(/ +/).join(" ");
  if (parseAttributes(attributes) === null)
    return `"${attributes.slice(0, 80)}" are no attributes of a range`;
  return [first, end, level, attributes];
}

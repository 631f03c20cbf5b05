import { formatColumns, parseAttributes } from "./attributes.js";
import type { DumpRange } from "./dump.js";

const UNITS = "KMGTPE";

/** The text of the debugfs file `stage2_page_tables`, byte for byte. @throws RangeError at unknown attributes */
export function formatDump(ranges: readonly DumpRange[]): string {
  let text = "---[ Guest IPA ]---\n";
  for (const range of ranges) text += `${formatRange(range)}\n`;
  return text;
}

function formatRange([first, end, level, attributes]: DumpRange): string {
  const shown = parseAttributes(attributes);
  if (shown === null) throw new RangeError(`formatDump: "${attributes}" are no attributes of a range`);
  return `0x${digits(first)}-0x${digits(end)}   ${formatSize(end - first)} ${level}${formatColumns(shown)}`;
}

function digits(address: number): string {
  return address.toString(16).padStart(16, "0");
}

/** A size in the largest unit that divides it. */
function formatSize(bytes: number): string {
  let size = Math.floor(bytes / 1024);
  let unit = 0;
  while (size % 1024 === 0 && unit + 1 < UNITS.length) {
    size /= 1024;
    unit++;
  }
  return `${String(size).padStart(9)}${UNITS[unit]}`;
}

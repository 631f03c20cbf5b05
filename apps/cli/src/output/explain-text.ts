import type {
  ExplainedCalls,
  ExplainedTrace,
  MappedSlot,
  MemoryMap,
  TracedRefusal,
  WhyRefused,
} from "@kvmm/scenario";
import type { Style } from "./style.js";
import { table } from "./table.js";
import { field, wrap } from "./wrap.js";

interface ReadTrace extends ExplainedTrace {
  readonly lines: number;
  readonly problems: readonly { readonly line: number; readonly problem: string }[];
}

/** Problems of a file that are shown; `--json` has them all. */
const MOST_PROBLEMS = 5;

export function callsText({ kernel, arch, calls, map }: ExplainedCalls, style: Style, width: number): string {
  const said = calls.map(({ text, outcome, refusal, note }) => {
    const head = `${wrap(text, width, "  ")}\n`;
    if (refusal !== undefined) return `${head}${whyText(refusal, style, width)}`;
    const about = note === undefined ? "" : `: ${note}`;
    return `${head}  ${outcome === "accepted" ? style.good("accepted") : style.unsure("not modelled")}${about}\n`;
  });
  return `${said.join("\n")}\n${style.strong(`Memory of the guest (Linux ${kernel}, ${arch})`)}\n${mapText(map, style, width)}`;
}

export function traceText(file: string, trace: ReadTrace, style: Style, width: number): string {
  const parts = [
    `${file}: ${trace.calls} calls in ${trace.lines} lines, held against Linux ${trace.kernel} on ${trace.arch}\n`,
  ];
  for (const { line, problem } of trace.problems.slice(0, MOST_PROBLEMS))
    parts.push(`line ${line} ${problem}\n`);
  const more = trace.problems.length - MOST_PROBLEMS;
  if (more > 0) parts.push(`and ${more} more lines that are no call\n`);
  parts.push(`\n${style.strong("Refused")}\n`);
  if (trace.refusals.length === 0) parts.push("  nothing\n");
  for (const refusal of trace.refusals) parts.push(refusalText(refusal, style, width));
  if (trace.differences.length > 0)
    parts.push(`\n${style.strong("Accepted by the kernel, not by the model")}\n`);
  for (const { line, text, differs } of trace.differences) {
    parts.push(`  line ${line}: ${wrap(text, width, "    ")}\n    ${wrap(differs, width, "    ")}\n`);
  }
  for (const map of trace.maps) {
    const made = map.line === undefined ? "made before the trace began" : `made at line ${map.line}`;
    const gone = map.destroyed === undefined ? "" : `, destroyed at line ${map.destroyed}`;
    const title = `Memory of the VM at descriptor ${map.vm}, ${made}${gone}`;
    parts.push(`\n${style.strong(title)}\n${mapText(map, style, width)}`);
  }
  if (trace.maps.length === 0) parts.push("\nNo VM was made, and none given memory.\n");
  return parts.join("");
}

function refusalText(
  { line, text, why, unexplained, count }: TracedRefusal,
  style: Style,
  width: number,
): string {
  const often = count === 1 ? "" : ` (${count} times)`;
  const head = `  line ${line}: ${wrap(text, width, "    ")}${often}\n`;
  if (why !== undefined) return `${head}${whyText(why, style, width, "    ")}`;
  return `${head}    ${style.unsure("not explained")}: ${wrap(unexplained ?? "", width, "    ")}\n`;
}

function whyText(
  { errno, fn, reason, accepted }: WhyRefused,
  style: Style,
  width: number,
  indent = "  ",
): string {
  const by = /\s/.test(fn) ? fn : `${fn}()`;
  const lines = [`${indent}${style.bad(errno)} from ${by}\n`, `${field("because", reason, width, indent)}\n`];
  if (accepted !== undefined) lines.push(`${field("accepted", accepted, width, indent)}\n`);
  return lines.join("");
}

function mapText({ slots, notes }: MemoryMap, style: Style, width: number): string {
  if (slots.length === 0) return "  none\n";
  const rows = slots.map((slot) => [
    range(slot),
    nameOf(slot),
    sizeOf(slot.size),
    hex(slot.userspaceAddr),
    slot.flags,
    slot.backing,
  ]);
  const lines = table(
    ["guest physical", "slot", "size", "user address", "flags", "memory"],
    rows,
    style,
    width,
  );
  return `${lines}${notes.map((note) => `  ${wrap(note, width, "  ")}\n`).join("")}`;
}

const hex = (value: number) => `0x${value.toString(16)}`;
const range = ({ gpa, size }: MappedSlot) => `${hex(gpa)}-${hex(gpa + size)}`;
const nameOf = ({ slot, addressSpace }: MappedSlot) =>
  addressSpace === undefined ? `${slot}` : `${slot} (space ${addressSpace})`;

function sizeOf(bytes: number): string {
  const units = ["K", "M", "G", "T"];
  let unit = 0;
  let size = bytes / 1024;
  while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size}${units[unit]}`;
}

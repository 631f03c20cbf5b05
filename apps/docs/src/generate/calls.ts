import { type Argument, type CallFormat, callNames, calls, renderArgument } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { writePage } from "./write.js";

/** The vocabulary of calls, from its own definition. */
export function generateCalls(): void {
  const lines = [
    "# Calls",
    "",
    `The ${callNames.length} calls that a scenario can make, under the names and with the fields of the real interfaces.`,
    "Sizes and addresses are numbers or expressions: `16p` (pages), `4K`, `0x80000000+1p`, `ram+4p`. Flags are lists of the",
    "kernel's constants; a number among them stands for itself. The model does not have all of them yet: a run says so.",
  ];
  const formats: readonly (readonly [string, CallFormat])[] = Object.entries(calls);
  for (const [name, format] of [...formats].sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)))
    lines.push("", `## ${name}`, "", ...callLines(format));
  writePage("reference/calls.md", lines, ["outline: 2"]);
}

function callLines(format: CallFormat): readonly string[] {
  const { args, does, gives, needsTask } = format;
  const about = [`${capitalised(does)}.`];
  if (gives !== undefined) about.push(`\`as\` names the ${gives === "cache" ? "gfn_to_pfn_cache" : gives}.`);
  if (needsTask === true) about.push("Needs `task`: the child that does it.");
  const rows = Object.entries(args).map(([name, argument]) => [code(name), ...argumentCells(argument)]);
  if (rows.length === 0) return [about.join(" ")];
  return [about.join(" "), "", table(["argument", "is", "if left out"], rows)];
}

function argumentCells({ type, required, absent }: Argument): readonly string[] {
  const constants = Object.keys(type.constants ?? {});
  const more =
    constants.length <= 12
      ? ""
      : `<details><summary>all ${constants.length}</summary>${constants.map((c) => `<code>${c}</code>`).join(" ")}</details>`;
  const missing = absent === undefined ? "something of its own" : code(renderArgument(absent) || "[]");
  return [plain(type.expects) + more, required ? "an error" : missing];
}

function capitalised(text: string): string {
  return plain(text.slice(0, 1).toUpperCase() + text.slice(1));
}

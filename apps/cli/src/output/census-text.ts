import type { CensusRow, MatrixResult } from "@kvmm/scenario";
import type { Style } from "./style.js";
import { wrap } from "./wrap.js";

/** The place in the kernel that was asked for, and what the model's word on it stands on. */
export function siteText(rows: readonly CensusRow[], style: Style, width: number): string {
  return rows
    .map((row) => {
      const recordedAs =
        row.inlinedInto === undefined
          ? ""
          : `, which the compiler inlines into ${row.inlinedInto.join(", ")}`;
      const what = row.event === undefined ? row.callback : `${row.callback}, MMU_NOTIFY_${row.event}`;
      const lines = [`${row.file}: ${what}`, row.reached, standsOn(row)];
      return `${style.strong(wrap(`${row.functions.join(", ")}${recordedAs}`, width))}\n${lines
        .map((line) => `  ${wrap(line, width, "  ")}`)
        .join("\n")}`;
    })
    .join("\n");
}

function standsOn({ status }: CensusRow): string {
  switch (status.kind) {
    case "recorded":
      return `recorded: ${[...status.ids, ...(status.siteOnly ?? [])].join(", ")}`;
    case "from source":
      return `from source (${status.model}): ${status.condition}`;
    default:
      return `${status.kind}: ${status.reason}`;
  }
}

/** Of all the kernel's call sites: how many are recorded, and which are not. */
export function censusText({ sites, siteCounts }: MatrixResult, style: Style, width: number): string {
  const total = Object.values(siteCounts).reduce((sum, count) => sum + count, 0);
  const lines = [`recorded: ${siteCounts.recorded} of ${total}`];
  for (const kind of ["from source", "out of scope"] as const) {
    const rows = sites.filter(({ status }) => status.kind === kind);
    if (rows.length > 0) lines.push(`${kind}: ${rows.map(inBrief).join("; ")}`);
  }
  return `${style.strong("The kernel's call sites")}\n${lines.map((line) => `  ${wrap(line, width, "    ")}`).join("\n")}`;
}

function inBrief({ functions, status }: CensusRow): string {
  const name = functions.join(" and ");
  return status.kind === "out of scope" ? `${name} (${status.reason})` : name;
}

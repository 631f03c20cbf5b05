import { type CensusRow, census, censusCounts } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";

/** Every place in the kernel that can tell KVM about a change of the host's memory, and what the model's word on it stands on. */
export function notifierCensus(): readonly string[] {
  const counts = Object.entries(censusCounts()).map(([kind, count]) => `${count} ${kind}`);
  return [
    `Every place in the kernel that can reach KVM's notifier callbacks: ${counts.join(", ")}. "Recorded" is: seen on a real`,
    "kernel, and reproduced by the model.",
    "",
    table(
      ["raised in", "callback", "reached by", "the model's word stands on"],
      census.map((row) => [functionsOf(row), eventOf(row), plain(row.reached), standsOn(row)]),
    ),
  ];
}

function functionsOf({ functions, inlinedInto = [] }: CensusRow): string {
  const inlined = inlinedInto.length === 0 ? "" : ` (in ${inlinedInto.map(code).join(", ")})`;
  return `${functions.map(code).join(", ")}${inlined}`;
}

function eventOf({ callback, event }: CensusRow): string {
  return plain(event === undefined ? callback : `${callback}, ${event}`);
}

function standsOn({ status }: CensusRow): string {
  switch (status.kind) {
    case "recorded":
      return `**recorded**: ${[...status.ids, ...(status.siteOnly ?? [])].slice(0, 2).map(code).join(", ")}`;
    case "from source":
      return `from source: ${plain(status.condition)}`;
    default:
      return `${status.kind}: ${plain(status.reason)}`;
  }
}

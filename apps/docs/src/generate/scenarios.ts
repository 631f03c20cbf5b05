import { library, races } from "@kvmm/scenario";
import { plain, table } from "./markdown.js";
import { writePage } from "./write.js";

/** The scenarios that reviews run, each with its place in the playground. */
export function generateScenarios(): void {
  const lines = [
    "# Built-in scenarios",
    "",
    `What \`kvmm review\` runs: ${library.length} scenarios whose calls are made one after the other, and ${races.length} whose`,
    "threads are explored in every interleaving. Each opens in the playground; `kvmm run NAME` runs it in a terminal.",
    "",
    "## One call after the other",
    "",
    table(
      ["name", "does", "memory of the slot"],
      library.map(({ name, does, memory, title }) => [
        link(name),
        plain(
          does.kind === "operation"
            ? does.operation.title
            : title.replace(/^NUMA balancing: /, "NUMA balancing, "),
        ),
        plain(`${memory.gmemOnly ? "guest_memfd only: " : ""}${memory.label}`),
      ]),
    ),
    "",
    "## Races",
    "",
    table(
      ["name", "is", "where"],
      races.map(({ name, title, architectures }) => [link(name), plain(title), architectures.join(", ")]),
    ),
  ];
  writePage("reference/scenarios.md", lines, ["aside: false", "pageClass: wide"]);
}

function link(name: string): string {
  return `[${name}](/playground.md#example=${encodeURIComponent(name)})`;
}

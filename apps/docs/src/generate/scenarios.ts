import { type LibraryScenario, library, races, speRaces } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { writePage } from "./write.js";

/** The scenarios that reviews run, each with its place in the playground. */
export function generateScenarios(): void {
  const numa = library.filter(({ does }) => does.kind === "numa");
  const lines = [
    "# Built-in scenarios",
    "",
    `What \`kvmm review\` runs: ${library.length} scenarios whose calls are made one after the other, and`,
    `${races.length + speRaces.length} whose threads are explored in every interleaving. Each opens in the playground; \`kvmm run NAME\` runs it in a`,
    "terminal.",
    "",
    "## One call after the other",
    "",
    "A name is the operation, `@`, and the memory of the slot: `kvmm run munmap-all@gmem`.",
    "",
    operationTable(library.filter(({ does }) => does.kind === "operation")),
    "",
    "## NUMA balancing under a policy {#numa}",
    "",
    "The slot is a guest_memfd that the VMM has mapped and touched.",
    "",
    table(
      ["name", "is"],
      numa.map(({ name, title }) => [link(name, name), plain(title.replace(/^NUMA balancing: /, ""))]),
    ),
    "",
    "## Races",
    "",
    table(
      ["name", "is", "where"],
      [
        ...races.map(({ name, title, architectures }) => [
          link(name, name),
          plain(title),
          architectures.join(", "),
        ]),
        ...speRaces.map(({ name, title }) => [link(name, name), plain(title), "arm64"]),
      ],
    ),
  ];
  writePage("reference/scenarios.md", lines);
}

/** A row for each operation, a column for each kind of memory. */
function operationTable(scenarios: readonly LibraryScenario[]): string {
  const parts = scenarios.map((scenario) => {
    const [operation = "", memory = ""] = scenario.name.split("@");
    return { ...scenario, operation, memory, label: scenario.memory.label };
  });
  const memories = new Map(parts.map(({ memory, label }) => [memory, label]));
  const rows = [...new Set(parts.map(({ operation }) => operation))].map((operation) => {
    const own = parts.filter((part) => part.operation === operation);
    const does = own[0]!.does;
    return [
      `${code(operation)}: ${plain(does.kind === "operation" ? does.operation.title : "")}`,
      ...[...memories.keys()].map((memory) =>
        own.some((part) => part.memory === memory) ? link(`${operation}@${memory}`, "open") : "",
      ),
    ];
  });
  const head = [...memories].map(([memory, label]) => `${code(memory)} ${plain(label)}`);
  return table(["operation", ...head], rows);
}

function link(name: string, text: string): string {
  return `[${text}](/playground.md#example=${encodeURIComponent(name)})`;
}

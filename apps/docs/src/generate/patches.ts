import { kernels, patches } from "@kvmm/scenario";
import { code, plain, table } from "./markdown.js";
import { writePage } from "./write.js";

/** What is built in, from the code. */
export function generatePatches(): void {
  const first = kernels[0]!.behaviour;
  const parts = Object.keys(first) as (keyof typeof first)[];
  const lines = [
    "# Patches and kernels",
    "",
    "A kernel is a set of decisions; a patch lets some of them fall differently. A patch of your own is a module:",
    "[Review your own patch](/recipes/review-a-patch).",
    "",
    "## Kernels",
    "",
    table(
      ["name", "where its behaviour was read"],
      kernels.map(({ name, source }) => [code(name), plain(source)]),
    ),
    "",
    "## Patches",
    "",
  ];
  for (const { name, title, origin, text } of patches)
    lines.push(
      `### ${plain(title)} {#${name}}`,
      "",
      code(name),
      "",
      `${plain(text)}`,
      "",
      `Origin: ${plain(origin)}.`,
      "",
    );
  lines.push("## Decisions", "", "What kernels differ in, and what a patch may change.", "");
  for (const part of parts) {
    const rows = Object.keys(first[part]).map((name) => [
      code(name),
      ...kernels.map(({ behaviour }) => value((behaviour[part] as unknown as Record<string, unknown>)[name])),
    ]);
    lines.push(`### ${part}`, "", table(["decision", ...kernels.map(({ name }) => name)], rows), "");
  }
  writePage("reference/patches.md", lines);
}

function value(decision: unknown): string {
  return typeof decision === "function" ? "a function" : code(String(decision));
}

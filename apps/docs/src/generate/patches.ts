import { kernels, patches } from "@kvmm/scenario";
import { decisionLines } from "./decisions.js";
import { code, plain, table } from "./markdown.js";
import { writePage } from "./write.js";

/** What is built in, from the code. */
export function generatePatches(): void {
  const undo = patches.filter(({ name }) => name.startsWith("undo-"));
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
  for (const { name, title, origin, text } of patches.filter((patch) => !undo.includes(patch)))
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
  lines.push(
    "## Fixes taken out {#undo}",
    "",
    "Each of these takes a fix of the kernel's back, so that the model can be seen to find the bug:",
    "[where each is caught](/fidelity#historical-bugs-undone).",
    "",
    table(
      ["patch", "takes out", "and then"],
      undo.map(({ name, title, text }) => [code(name), plain(title.replace(/^Undo: /, "")), plain(text)]),
    ),
    "",
    "## Decisions",
    "",
    "What kernels differ in, and what a patch may change.",
    "",
    ...decisionLines(),
  );
  writePage("reference/patches.md", lines);
}

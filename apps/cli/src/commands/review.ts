import type { ReviewPart, ReviewResult } from "@kvmm/scenario";
import type { Context, ExitStatus } from "../context.js";
import { loadPatch } from "../input/load-patch.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { lanes } from "../output/lanes.js";
import { Progress } from "../output/progress.js";
import { type Style, styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { wrap } from "../output/wrap.js";
import { type AddCommand, examples } from "./command.js";

export const addReview: AddCommand = (program, context, end) => {
  withMachineOptions(program.command("review").argument("<patch>", "the name of a patch, or a module ./mine.mjs"))
    .summary("what a patch changes, what stays, what breaks")
    .description(
      "Runs the built-in scenarios without and with a patch, on every built-in kernel and architecture unless told\notherwise. A patch is a module, not a diff: it says in code which decision of the model falls differently.\nWith --patch, further patches are applied before it, to both sides.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm review gmem-ignore-notifiers-rfc", "on every kernel and architecture"],
        ["kvmm review ./mine.mjs --kernel 7.2 --arch arm64", "a patch of your own, on one"],
        ["kvmm review gmem-ignore-notifiers-rfc --json | jq .notCovered", "what the verdict does not cover"],
      ),
    )
    .action(async (patch: string, options: MachineOptions) => {
      end(await run(patch, options, context));
    });
};

async function run(name: string, options: MachineOptions, context: Context): Promise<ExitStatus> {
  const { kernel, arch, patches, seed } = await resolveOptions(options, context);
  const patch = await loadPatch(name, context.model);
  const progress = new Progress(context);
  let result: ReviewResult;
  try {
    result = context.model.review(patch, {
      ...(kernel === undefined ? {} : { kernels: [kernel] }),
      ...(arch === undefined ? {} : { architectures: [arch] }),
      ...(patches === undefined ? {} : { base: patches }),
      ...(seed === undefined ? {} : { seed }),
      onProgress: (done, total, what) => progress.update(done, total, what),
    });
  } finally {
    progress.clear();
  }
  if (options.json === true) context.stdout.write(toJson(result));
  else context.stdout.write(asText(result, styleFor(options.color, context), widthOf(context)));
  return result.verdict === "holds" ? 0 : 1;
}

function asText(result: ReviewResult, style: Style, width: number): string {
  const { patch, parts, verdict, sentence, notCovered } = result;
  const head = `${style.strong(wrap(patch.title, width))}\n${wrap(patch.origin, width)}\n\n${wrap(patch.text, width)}\n`;
  const colour = verdict === "holds" ? style.good : style.bad;
  const open = notCovered.length === 0 ? "" : `\nNot covered:\n${notCovered.map((text) => `  - ${wrap(text, width, "    ")}\n`).join("")}`;
  return `${head}${parts.map((part) => partText(part, style, width)).join("")}${open}\n${colour(wrap(`${verdict}: ${sentence}`, width))}\n`;
}

function partText(part: ReviewPart, style: Style, width: number): string {
  const lines = [`\n${style.strong(`kernel ${part.kernel}, ${part.arch}: ${part.verdict}`)}\n`];
  for (const change of part.changes) lines.push(`  ${wrap(`${change.scenario}, step ${change.step} ${change.call}: ${change.text}`, width, "    ")}\n`);
  if (part.unchanged.length > 0) lines.push(`  ${wrap(`unchanged: ${part.unchanged.join(", ")}`, width, "    ")}\n`);
  for (const { scenario, violation } of part.broken) lines.push(`\n  ${style.bad(`breaks ${scenario}`)}\n${lanes(violation, style, width)}`);
  for (const { scenario, violation } of part.mended) lines.push(`  ${style.good(`mends ${scenario}`)}: ${wrap(violation.text, width, "    ")}\n`);
  const lacking = [...new Set(part.notModelled.map(({ call, scenario }) => `${call} in ${scenario}`))];
  if (lacking.length > 0) lines.push(`  ${style.unsure(wrap(`not modelled: ${lacking.join(", ")}`, width, "    "))}\n`);
  return lines.join("");
}

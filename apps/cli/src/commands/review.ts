import type { ReviewResult } from "@kvmm/scenario";
import type { Context, ExitStatus } from "../context.js";
import { loadPatch } from "../input/load-patch.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { Progress } from "../output/progress.js";
import { reviewText } from "../output/review-text.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { type AddCommand, examples } from "./command.js";

export const addReview: AddCommand = (program, context, end) => {
  withMachineOptions(
    program.command("review").argument("<patch>", "the name of a patch, or a module ./mine.mjs"),
  )
    .summary("what a patch changes, what stays, what breaks")
    .description(
      "Runs the built-in scenarios without and with a patch, on every built-in kernel and architecture unless told otherwise. A patch is a module, not a diff: it says in code which decision of the model falls differently.\nWith --patch, further patches are applied before it, to both sides.",
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
  const recordings = await context.readEvidence("review");
  const progress = new Progress(context);
  let result: ReviewResult;
  try {
    result = context.model.review(patch, {
      recordings,
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
  else context.stdout.write(reviewText(result, styleFor(options.color, context), widthOf(context)));
  return result.verdict === "holds" ? 0 : 1;
}

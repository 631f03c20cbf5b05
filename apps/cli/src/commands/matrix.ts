import type { MatrixResult } from "@kvmm/scenario";
import type { Context, ExitStatus } from "../context.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { matrixText } from "../output/matrix-text.js";
import { Progress } from "../output/progress.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { type AddCommand, examples } from "./command.js";

interface MatrixCommandOptions extends MachineOptions {
  readonly site?: string;
  readonly memory?: readonly string[];
}

export const addMatrix: AddCommand = (program, context, end) => {
  withMachineOptions(program.command("matrix"))
    .option("--memory <kind>", "in detail, this kind of memory only; may be repeated", collect)
    .option("--site <function>", "only what reaches this call site of the kernel")
    .summary("host operations by kinds of memory: what each does to stage 2")
    .description(
      "Runs each operation of the host on each kind of memory, and says what it does to the stage 2 of a guest that uses\nit. Each cell says whether it was recorded on a real kernel, or stands on the kernel's source alone.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm matrix", "all operations, on all kinds of memory"],
        ["kvmm matrix --memory gmem", "one kind, with faults and call sites"],
        ["kvmm matrix --site change_pud_range", "who gets there, and on which memory"],
        ["kvmm matrix --patch gmem-ignore-notifiers-rfc", "the same with a patch"],
      ),
    )
    .action(async (options: MatrixCommandOptions) => {
      end(await run(options, context));
    });
};

const collect = (value: string, before: readonly string[] = []) => [...before, value];

async function run(options: MatrixCommandOptions, context: Context): Promise<ExitStatus> {
  const { memory, site } = options;
  const resolved = await resolveOptions(options, context);
  const recordings = await context.readEvidence("matrix");
  const progress = new Progress(context);
  let result: MatrixResult;
  try {
    result = context.model.matrix({
      ...resolved,
      recordings,
      ...(memory === undefined ? {} : { memories: memory }),
      ...(site === undefined ? {} : { site }),
      onProgress: (done, total, what) => progress.update(done, total, what),
    });
  } finally {
    progress.clear();
  }
  const isDetailed = memory !== undefined;
  if (options.json === true) context.stdout.write(toJson(result));
  else
    context.stdout.write(
      matrixText(result, { site, isDetailed }, styleFor(options.color, context), widthOf(context)),
    );
  return 0;
}

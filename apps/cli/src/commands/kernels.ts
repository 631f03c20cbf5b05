import type { OutputOptions } from "../options.js";
import { withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { wrap } from "../output/wrap.js";
import { type AddCommand, examples } from "./command.js";

export const addKernels: AddCommand = (program, context, end) => {
  withOutputOptions(program.command("kernels"))
    .summary("the built-in kernels, with their origins")
    .description(
      "Lists the kernel versions that --kernel and a scenario's machine.kernel may name. A release such as 7.2.13\nor a recorded kernel's own name such as 7.2.13+deb14-arm64 means the version that it belongs to.",
    )
    .addHelpText(
      "after",
      examples(["kvmm kernels", "names and origins"], ["kvmm kernels --json", "the same as JSON"]),
    )
    .action((options: OutputOptions) => {
      const kernels = context.model.kernels.map(({ name, source }) => ({ name, source }));
      const style = styleFor(options.color, context);
      const width = widthOf(context);
      const about = ({ name, source }: (typeof kernels)[number]) =>
        `${style.strong(name)}\n  ${wrap(source, width, "  ")}\n`;
      context.stdout.write(options.json === true ? toJson({ kernels }) : kernels.map(about).join(""));
      end(0);
    });
};

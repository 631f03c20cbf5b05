import type { OutputOptions } from "../options.js";
import { withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { wrap } from "../output/wrap.js";
import { type AddCommand, examples } from "./command.js";

export const addScenarios: AddCommand = (program, context, end) => {
  withOutputOptions(program.command("scenarios"))
    .summary("the built-in scenarios, with their origins")
    .description("Lists the built-in scenarios: those that reviews run. kvmm run takes their names.")
    .addHelpText(
      "after",
      examples(
        ["kvmm scenarios", "names, titles and origins"],
        ["kvmm scenarios --json", "with the scenarios themselves"],
      ),
    )
    .action((options: OutputOptions) => {
      const { library, races } = context.model;
      const style = styleFor(options.color, context);
      const width = widthOf(context);
      const about = ({
        name,
        title,
        about: text,
        origin,
      }: (typeof library)[number] | (typeof races)[number]) =>
        `${style.strong(name)}\n${[title, origin, text].map((part) => `  ${wrap(part, width, "  ")}\n`).join("")}`;
      context.stdout.write(
        options.json === true
          ? toJson({ scenarios: library, races })
          : [...library, ...races].map(about).join("\n"),
      );
      end(0);
    });
};

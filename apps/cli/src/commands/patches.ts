import type { OutputOptions } from "../options.js";
import { withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { wrap } from "../output/wrap.js";
import { type AddCommand, examples } from "./command.js";

export const addPatches: AddCommand = (program, context, end) => {
  withOutputOptions(program.command("patches"))
    .summary("the built-in patches, with their origins")
    .description(
      "Lists the built-in patches. A patch is a module, not a diff: a file ./mine.mjs whose default export is definePatch({ name, title, origin, text, change }) is a patch like any other, for every --patch and for review.",
    )
    .addHelpText(
      "after",
      examples(["kvmm patches", "names, titles and origins"], ["kvmm patches --json", "the same as JSON"]),
    )
    .action((options: OutputOptions) => {
      const patches = context.model.patches.map(({ name, title, origin, text }) => ({
        name,
        title,
        origin,
        text,
      }));
      const style = styleFor(options.color, context);
      const width = widthOf(context);
      const about = ({ name, title, origin, text }: (typeof patches)[number]) =>
        `${style.strong(name)}\n${[title, origin, text].map((part) => `  ${wrap(part, width, "  ")}\n`).join("")}`;
      context.stdout.write(options.json === true ? toJson({ patches }) : patches.map(about).join("\n"));
      end(0);
    });
};

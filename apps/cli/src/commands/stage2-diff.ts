import { type DumpDifference, diffDumps, hex } from "@kvmm/arm64-stage2";
import type { Context } from "../context.js";
import { type OutputOptions, withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { type Style, styleFor } from "../output/style.js";
import { asPrinted, readTables, type TablesInput } from "../stage2/tables-input.js";
import { type AddCommand, examples } from "./command.js";

export const addStage2Diff: AddCommand = (stage2, context, end) => {
  withOutputOptions(
    stage2
      .command("diff")
      .argument("<before>", "a kernel's stage2_page_tables, a scenario, FILE#ID of a recording, or -")
      .argument("<after>", "the same; @N behind a scenario or a recording is its step N"),
  )
    .summary("where two tables differ")
    .description(
      "Compares two stage-2 tables, range by range, whoever printed them. Ends with 0 where they say the same, with 1 where not.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm stage2 diff before.txt after.txt", "two files of a kernel"],
        ["kvmm stage2 diff race.yaml@3 race.yaml@4", "what step 4 of a scenario changed"],
        ["kvmm stage2 diff kernel.txt race.yaml@4", "a kernel against the model"],
      ),
    )
    .action(async (before: string, after: string, options: OutputOptions) => {
      const inputs = [await read(before, context), await read(after, context)] as const;
      const differences = differencesOf(...inputs);
      context.stdout.write(
        options.json === true
          ? toJson({
              before: inputs[0].name,
              after: inputs[1].name,
              same: differences.length === 0,
              differences: differences.map(documentOf),
            })
          : asText(differences, styleFor(options.color, context)),
      );
      end(differences.length === 0 ? 0 : 1);
    });
};

async function read(argument: string, context: Context): Promise<TablesInput> {
  const input = await readTables(argument, undefined, context);
  if (input.error !== null) throw input.error;
  return input;
}

/** The kernel does not print the last range: beside its file, the model's is left out. */
function differencesOf(before: TablesInput, after: TablesInput): readonly DumpDifference[] {
  const areWhole = before.ipaBits !== null && after.ipaBits !== null;
  return areWhole ? diffDumps(before.ranges, after.ranges) : diffDumps(asPrinted(before), asPrinted(after));
}

function documentOf({ first, end, before, after }: DumpDifference): unknown {
  const side = (said: DumpDifference["before"]) =>
    said === null ? null : { level: said[0], attributes: said[1] };
  return { first: hex(first), end: hex(end), before: side(before), after: side(after) };
}

function asText(differences: readonly DumpDifference[], style: Style): string {
  if (differences.length === 0) return "the tables say the same\n";
  const lines = differences.map(({ first, end, before, after }) => {
    const where = `${hex(first)}-${hex(end)}`.padEnd(24);
    return `${where}  ${style.bad(said(before))} -> ${style.good(said(after))}\n`;
  });
  const count = differences.length === 1 ? "1 range differs" : `${differences.length} ranges differ`;
  return `${lines.join("")}${count}\n`;
}

function said(side: DumpDifference["before"]): string {
  if (side === null) return "not said";
  return `level ${side[0]} ${side[1] === "" ? "hole" : side[1]}`;
}

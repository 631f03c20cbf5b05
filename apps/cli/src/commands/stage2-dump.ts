import { formatDump } from "@kvmm/arm64-stage2";
import { type OutputOptions, withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { reportError } from "../report-error.js";
import { parseStep } from "../stage2/parse-number.js";
import { rangeDocument } from "../stage2/range-output.js";
import { asPrinted, readTables, type TablesInput } from "../stage2/tables-input.js";
import { type AddCommand, examples } from "./command.js";

interface DumpOptions extends OutputOptions {
  readonly step?: number;
  readonly whole?: boolean;
}

export const addStage2Dump: AddCommand = (stage2, context, end) => {
  withOutputOptions(
    stage2
      .command("dump")
      .argument("<tables>", "a kernel's stage2_page_tables, a scenario, FILE#ID of a recording, or -"),
  )
    .option("--step <number>", "after which step of the scenario; default: the last", parseStep)
    .option("--whole", "with the last range as well, which the kernel does not print")
    .summary("tables, as the kernel prints them")
    .description(
      "Prints stage-2 tables as the kernel's debugfs file stage2_page_tables does, or as JSON. A kernel's own file is checked; where it does not go on, the command ends with 2, after what came before.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm stage2 dump race.yaml --step 3", "what a scenario has mapped after its step 3"],
        [
          "kvmm stage2 dump recordings/7.2.13-arm64/dirty.jsonl#log-initially-all-set@anon --json",
          "what the model has after a recording's last step",
        ],
        [
          "cat /sys/kernel/debug/kvm/*/stage2_page_tables | kvmm stage2 dump - --json",
          "a kernel's file as JSON",
        ],
      ),
    )
    .action(async (argument: string, options: DumpOptions) => {
      const input = await readTables(argument, options.step, context);
      const ranges = options.whole === true ? input.ranges : asPrinted(input);
      context.stdout.write(options.json === true ? toJson(document(input, ranges)) : formatDump(ranges));
      end(input.error === null ? 0 : reportError(input.error, context));
    });
};

function document({ name, ipaBits, error }: TablesInput, ranges: TablesInput["ranges"]): unknown {
  return {
    tables: name,
    ipa_range: ipaBits,
    stage2: ranges.map(rangeDocument),
    error: error === null ? null : error.message,
  };
}

import type { PerfVersion } from "@kvmm/spe-model";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Context, ExitStatus } from "../context.js";
import { nameOf } from "../input/read-bytes.js";
import { type OutputOptions, withOutputOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { Progress } from "../output/progress.js";
import { widthOf } from "../output/width.js";
import { reportError } from "../report-error.js";
import { csvOutput, dumpOutput, jsonOutput } from "../spe/decode-output.js";
import { openSpe } from "../spe/open-spe.js";
import type { SpeInput } from "../spe/spe-input.js";
import { statisticsDocument, statisticsOf, statisticsText } from "../spe/statistics-output.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";
import { addEncode } from "./spe-encode.js";
import { addSimulate } from "./spe-simulate.js";

export const addSpe: AddCommand = (program, context, end) => {
  const spe = program
    .command("spe")
    .summary("Arm SPE: decode and encode records, sum them up, simulate a guest")
    .description(
      "Decodes what Arm's Statistical Profiling Extension has recorded, sums it up, and simulates a guest that is profiled while its host is busy with its memory.",
    );
  addDecode(spe, context, end);
  addStats(spe, context, end);
  addEncode(spe, context, end);
  addSimulate(spe, context, end);
};

interface FileOptions extends OutputOptions {
  readonly raw?: boolean;
}

interface DecodeOptions extends FileOptions {
  readonly csv?: boolean;
  readonly perfVersion: PerfVersion;
  readonly asPerf?: boolean;
}

interface StatsOptions extends FileOptions {
  readonly pages: number;
}

const withFile = (command: Command) =>
  withOutputOptions(
    command.argument(
      "<file>",
      "perf.data, or nothing but SPE packets; - for standard input; of perf.data through a pipe TMPDIR should have room for a copy",
    ),
  ).option("--raw", "take the bytes as SPE packets, whatever they look like");

const addDecode: AddCommand = (spe, context, end) => {
  withFile(spe.command("decode"))
    .summary("packets and records")
    .description(
      "Prints every packet on a line, as perf report --dump-raw-trace does; with --json or --csv every record. JSON has each record's bytes as hex, and so all of them: kvmm spe encode makes the same data of it. CSV leaves out address tags, the security state, previous branch targets, packets of no known meaning, the order of packets, and what the driver said. Ends with 2 where the file does not go on, after what came before.",
    )
    .option("--csv", "a line of comma-separated values for each record")
    .addOption(
      new Option("--perf-version <version>", "whose names to use")
        .choices(["7.2", "6.1"] satisfies PerfVersion[])
        .default("7.2"),
    )
    .option("--as-perf", "with perf's own mistakes, to compare with its output")
    .addHelpText(
      "after",
      examples(
        ["kvmm spe decode perf.data", "every packet, as perf report --dump-raw-trace prints it"],
        ["kvmm spe decode perf.data --csv > records.csv", "every record, for a spreadsheet or a data frame"],
        ["kvmm spe decode - --json < aux.bin", "every record of raw SPE data as JSON"],
      ),
    )
    .action(async (file: string, options: DecodeOptions) => {
      if (options.json === true && options.csv === true)
        throw new UsageError("--json and --csv are two forms of one output; choose one");
      // On one terminal with the output, progress would be in its way.
      const isTty = context.stderr.isTty && !context.stdout.isTty;
      const progress = new Progress({ stderr: { ...context.stderr, isTty } });
      try {
        const input = await openSpe(file, options.raw === true, context, progress);
        const output =
          options.csv === true
            ? csvOutput(input)
            : options.json === true
              ? jsonOutput(input, nameOf(file))
              : dumpOutput(input, { version: options.perfVersion, asPerf: options.asPerf === true });
        await write(output, context);
        progress.clear();
        end(ending(input, context));
      } finally {
        progress.clear();
      }
    });
};

const addStats: AddCommand = (spe, context, end) => {
  withFile(spe.command("stats"))
    .summary("operations, events, latencies, hottest pages")
    .description(
      "Sums the records up: operations, events, data sources, histograms of the latencies, the pages of data accessed most, the longest pauses, and what the driver said was lost.",
    )
    .option("--pages <number>", "how many of the hottest pages", parsePages, 10)
    .addHelpText(
      "after",
      examples(
        ["kvmm spe stats perf.data", "a summary for the terminal"],
        ["kvmm spe stats perf.data --json | jq .latencies.total", "the same figures as JSON"],
      ),
    )
    .action(async (file: string, options: StatsOptions) => {
      const progress = new Progress(context);
      try {
        const input = await openSpe(file, options.raw === true, context, progress);
        const statistics = await statisticsOf(input);
        progress.clear();
        context.stdout.write(
          options.json === true
            ? toJson(statisticsDocument(input, nameOf(file), statistics, options.pages))
            : statisticsText(statistics, options.pages, widthOf(context)),
        );
        end(ending(input, context));
      } finally {
        progress.clear();
      }
    });
};

/** Says where the file stopped making sense, after what came before. */
function ending({ error }: SpeInput, context: Context): ExitStatus {
  return error === undefined ? 0 : reportError(error, context);
}

/** Writes part by part, no faster than it is read; in between, whoever reads may close the pipe. */
async function write(parts: AsyncIterable<string>, { stdout }: Pick<Context, "stdout">): Promise<void> {
  for await (const part of parts) {
    stdout.write(part);
    await new Promise<void>((resolve) => setImmediate(resolve));
    await stdout.drained();
  }
}

function parsePages(value: string): number {
  const pages = /^\d{1,4}$/.test(value) ? Number(value) : Number.NaN;
  if (!(pages <= 1000)) throw new InvalidArgumentError("it should be a whole number up to 1000.");
  return pages;
}

import {
  type ConformDifference,
  type ConformInput,
  type ConformResult,
  conform,
  type RecordResult,
  renderArgument,
  renderDifference,
  type Step,
} from "@kvmm/scenario";
import type { Context, ExitStatus } from "../context.js";
import { readRecordingsFile } from "../input/read-recordings-file.js";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { Progress } from "../output/progress.js";
import { type Style, styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { field, wrap } from "../output/wrap.js";
import { type AddCommand, examples } from "./command.js";

interface ConformOptions extends MachineOptions {
  readonly stage2Leaves?: boolean;
}

export const addConform: AddCommand = (program, context, end) => {
  withMachineOptions(
    program
      .command("conform")
      .argument("<file...>", "files of recordings, FILE#ID for one of them, or - for standard input"),
  )
    .option("--stage2-leaves", "compare stage-2 dumps by their leaves only")
    .summary("hold the model against recordings of real kernels")
    .description(
      "Runs each recording on the kernel, configuration and patches that it names, and lists every difference between what the kernel did and what the model says. Ends with 0 only when every recording is reproduced.",
    )
    .addHelpText(
      "after",
      examples(
        ["kvmm conform recordings/7.2.13-arm64/first.jsonl", "all recordings of a file"],
        ["kvmm conform recordings/*/*.jsonl --json", "all there are, as JSON"],
        ["kvmm conform recordings/7.2.13-arm64/mm-map.jsonl#munmap-part@gmem", "one of them"],
      ),
    )
    .action(async (files: string[], options: ConformOptions) => {
      end(await run(files, options, context));
    });
};

async function run(files: readonly string[], options: ConformOptions, context: Context): Promise<ExitStatus> {
  const resolved = await resolveOptions(options, context);
  const inputs: ConformInput[] = [];
  for (const file of files) inputs.push(...(await readRecordingsFile(file, context)));
  const progress = new Progress(context);
  let result: ConformResult;
  try {
    result = conform(inputs, {
      ...resolved,
      run: context.model.runScenario,
      stage2LeavesOnly: options.stage2Leaves === true,
      onProgress: (done, total) => progress.update(done, total, "recordings"),
    });
  } finally {
    progress.clear();
  }
  if (options.json === true) context.stdout.write(toJson(conformDocument(result)));
  else context.stdout.write(asText(result, inputs, styleFor(options.color, context), widthOf(context)));
  const { differ, notModelled } = result.counts;
  return differ === 0 && notModelled === 0 ? 0 : 1;
}

/** The document of `kvmm conform --json`. */
function conformDocument({ counts, groups, records }: ConformResult): unknown {
  const differences = records.flatMap(({ file, line, id, differences: own }) =>
    own.map((difference) => ({ file, line, id, ...withNulls(difference) })),
  );
  const lacking = records.flatMap(({ file, line, id, lacking: own }) =>
    own.map((lack) => ({ file, line, id, ...lack })),
  );
  return {
    ...counts,
    groups: groups.map(({ counts: own, ...group }) => ({ ...group, ...own })),
    differences,
    lacking,
    records: records.map(({ file, line, id, outcome }) => ({ file, line, id, outcome })),
  };
}

/** Nothing observed or predicted is null, so that the keys are always there. */
function withNulls({ expected, predicted, ...rest }: ConformDifference): object {
  return { ...rest, expected: expected ?? null, predicted: predicted ?? null };
}

function asText(
  { counts, groups, records }: ConformResult,
  inputs: readonly ConformInput[],
  style: Style,
  width: number,
): string {
  const parts: string[] = [];
  for (const [index, record] of records.entries())
    parts.push(recordText(record, inputs[index], style, width));
  const rows = groups.length > 1 ? groups.map((group) => groupText(group, width)).join("") : "";
  const last = `${counts.reproduced} reproduced, ${counts.differ} differ, ${counts.notModelled} not modelled`;
  const colour = counts.differ > 0 ? style.bad : counts.notModelled > 0 ? style.unsure : style.good;
  return `${parts.join("")}${rows}${colour(last)}\n`;
}

function groupText(
  { kernel, config, patches, counts }: ConformResult["groups"][number],
  width: number,
): string {
  const machine = [kernel, config === "" ? "" : `configuration ${config}`, ...patches]
    .filter((word) => word !== "")
    .join(", ");
  return `${wrap(`${machine}: ${counts.reproduced} reproduced, ${counts.differ} differ, ${counts.notModelled} not modelled`, width, "  ")}\n`;
}

function recordText(
  record: RecordResult,
  input: ConformInput | undefined,
  style: Style,
  width: number,
): string {
  if (record.outcome === "reproduced") return "";
  const head = `${record.file}:${record.line} ${record.id}`;
  if (record.outcome === "not modelled") {
    const what = record.lacking.map(
      ({ step, what: lack, why }) => `${step === undefined ? "" : `step ${step} `}${lack} (${why})`,
    );
    return `${style.strong(head)} ${style.unsure("not modelled")}\n  ${wrap([...new Set(what)].join("; "), width, "  ")}\n\n`;
  }
  const blocks = record.differences.map((difference) =>
    differenceText(difference, input?.recording.steps[difference.step], style, width),
  );
  return `${style.strong(head)} ${style.bad("differs")}\n${blocks.join("")}\n`;
}

function differenceText(
  difference: ConformDifference,
  step: Step | undefined,
  style: Style,
  width: number,
): string {
  const { expected, predicted } = renderDifference(difference);
  const args = Object.entries(difference.args).map(([name, value]) => `${name} ${renderArgument(value)}`);
  const by = step?.task === undefined ? "" : ` by ${step.task}`;
  const lines = [
    `  ${wrap(`step ${difference.step} ${difference.call}(${args.join(", ")})${by}: ${difference.field}`, width, "      ")}`,
    style.good(field("expected", `(kernel) ${expected}`, width, "    ")),
    style.bad(field("predicted", `(model) ${predicted}`, width, "    ")),
  ];
  if (difference.refusal !== undefined)
    lines.push(field("refused", `${difference.refusal.fn}: ${difference.refusal.reason}`, width, "    "));
  for (const { fn, text } of difference.decisions)
    lines.push(style.faint(field("decided", `${fn}: ${text}`, width, "    ")));
  return lines.map((line) => `${line}\n`).join("");
}

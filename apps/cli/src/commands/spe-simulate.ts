import {
  type HostActivity,
  hostActivities,
  type SpeMemory,
  type SpePolicy,
  type SpeRecovery,
  speMemories,
  spePolicies,
  speRecoveries,
  sweepSpe,
} from "@kvmm/scenario";
import { InvalidArgumentError, Option } from "commander";
import { type MachineOptions, resolveOptions, withMachineOptions } from "../options.js";
import { toJson } from "../output/json.js";
import { simulationText } from "../output/spe-text.js";
import { styleFor } from "../output/style.js";
import { widthOf } from "../output/width.js";
import { UsageError } from "../usage-error.js";
import { type AddCommand, examples } from "./command.js";

interface SimulateOptions extends MachineOptions {
  readonly activity: HostActivity;
  readonly policy?: readonly SpePolicy[];
  readonly memory?: readonly SpeMemory[];
  readonly recovery: SpeRecovery;
  readonly operations: number;
  readonly period: number;
  readonly window: number;
  readonly interval?: readonly number[];
}

/** Simulates at most so many operations, and so many activities of the host, per run. */
const MOST_OPERATIONS = 100_000_000;
const MOST_ACTIVITIES = 10_000;
const MOST_INTERVALS = 20;

export const addSimulate: AddCommand = (spe, context, end) => {
  withMachineOptions(spe.command("simulate"))
    .summary("what the host's activity costs a guest's profile")
    .description(
      "Profiles a guest whose buffer the model's stage 2 translates, while the host does something to the guest's memory every so many operations: on anonymous memory and on guest_memfd, as KVM is and under each policy of the SPE series, and on guest_memfd with each patch, those of --patch or else the built-in ones about guest_memfd. arm64 only.",
    )
    .addOption(
      new Option("--activity <name>", "what the host does").choices(hostActivities).default("numa-balancing"),
    )
    .option(
      "--policy <name>",
      `only this way to keep memory mapped (${spePolicies.join(", ")}); may be repeated`,
      collect(spePolicies),
    )
    .option(
      "--memory <name>",
      `only this memory (${speMemories.join(", ")}); may be repeated`,
      collect(speMemories),
    )
    .addOption(
      new Option(
        "--recovery <name>",
        "after a fault the guest touches its buffer, or does as Linux' driver does",
      )
        .choices(speRecoveries)
        .default("touch"),
    )
    .option(
      "--operations <number>",
      "operations that the guest executes",
      wholeNumber(1, MOST_OPERATIONS),
      1_000_000,
    )
    .option("--period <number>", "operations between samples", wholeNumber(1024, 1 << 24), 1024)
    .option(
      "--window <number>",
      "operations that the guest executes while a stage-2 entry of its buffer is being replaced",
      wholeNumber(0, 1_000_000),
      2000,
    )
    .option("--interval <number>", "operations between two activities; may be repeated", collectInterval)
    .addHelpText(
      "after",
      examples(
        ["kvmm spe simulate", "NUMA balancing: every policy, every built-in patch about guest_memfd"],
        [
          "kvmm spe simulate --activity ksm --policy none --policy lock-memslot",
          "KSM, on memory that is locked or not",
        ],
        [
          "kvmm spe simulate --activity dirty-logging --memory thp",
          "blocks that are split and put together again",
        ],
        [
          "kvmm spe simulate --activity dontneed --recovery driver",
          "MADV_DONTNEED, with Linux' driver as it is",
        ],
        ["kvmm spe simulate --patch ./mine.mjs --interval 50000 --json", "a patch of your own, as JSON"],
      ),
    )
    .action(async (options: SimulateOptions) => {
      if (options.arch !== undefined && options.arch !== "arm64")
        throw new UsageError(`SPE is a part of arm64, not of ${options.arch}`);
      const { kernel, patches, seed = 1 } = await resolveOptions(options, context);
      const { activity, policy, memory, recovery, operations, period, window, interval } = options;
      const shortest = Math.min(...(interval ?? [operations]));
      if (operations / shortest > MOST_ACTIVITIES) {
        throw new UsageError(
          `${operations} operations with an activity every ${shortest} are more than ${MOST_ACTIVITIES} activities`,
        );
      }
      const common = { activity, recovery, operations, samplePeriod: period, window, seed };
      const rows = sweepSpe({
        ...common,
        ...(kernel === undefined ? {} : { kernel }),
        ...(patches === undefined ? {} : { patches }),
        ...(interval === undefined ? {} : { intervals: interval }),
        ...(policy === undefined ? {} : { policies: policy }),
        ...(memory === undefined ? {} : { memories: memory }),
      });
      if (rows.length === 0) {
        throw new UsageError(
          `no policy of ${policy?.join(", ")} is about ${memory?.join(", ") ?? "the memory"}: gmem-prefault is about gmem, lock-memslot and pin-on-enable are about the others`,
        );
      }
      const document = { kernel: rows[0]?.runs[0]?.kernel ?? null, arch: "arm64", ...common, rows };
      context.stdout.write(
        options.json === true
          ? toJson(document)
          : simulationText(rows, styleFor(options.color, context), widthOf(context)),
      );
      end(0);
    });
};

const wholeNumber = (least: number, most: number) => (value: string) => {
  const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most))
    throw new InvalidArgumentError(`it should be a whole number from ${least} to ${most}.`);
  return number;
};

/** One more of a few words. */
function collect<const W extends string>(words: readonly W[]) {
  return (value: string, before: readonly W[] = []): readonly W[] => {
    const word = words.find((each) => each === value);
    if (word === undefined) throw new InvalidArgumentError(`it should be one of ${words.join(", ")}.`);
    return [...before, word];
  };
}

function collectInterval(value: string, before: readonly number[] = []): readonly number[] {
  const all = [...before, wholeNumber(1, MOST_OPERATIONS)(value)];
  if (all.length > MOST_INTERVALS) throw new InvalidArgumentError(`at most ${MOST_INTERVALS} intervals.`);
  return all;
}

import type { Exploring } from "@kvmm/scenario";
import { type Command, InvalidArgumentError, Option } from "commander";

/** What `--random`, `--preemptions`, `--states` and `--seconds` say. */
export interface ExploringOptions {
  readonly random?: number;
  readonly preemptions?: number;
  readonly states?: number;
  readonly seconds?: number;
}

/** The options that bound what is explored of a scenario's threads. */
export function withExploringOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--random <walks>", "instead of every interleaving, so many random ones, from --seed")
        .argParser(whole(1))
        .conflicts(["preemptions", "states"]),
    )
    .addOption(
      new Option(
        "--preemptions <number>",
        "only interleavings with at most so many switches in the midst of a call",
      ).argParser(whole(0)),
    )
    .addOption(
      new Option("--states <number>", "give up after so many states (default: a million)").argParser(
        whole(1),
      ),
    )
    .addOption(new Option("--seconds <number>", "give up exploring after so long").argParser(whole(1)));
}

export function exploringOf({ random, preemptions, states, seconds }: ExploringOptions): {
  readonly exploring?: Exploring;
} {
  const exploring: Exploring = {
    ...(random === undefined ? {} : { walks: random }),
    ...(preemptions === undefined ? {} : { preemptions }),
    ...(states === undefined ? {} : { states }),
    ...(seconds === undefined ? {} : { milliseconds: 1000 * seconds }),
  };
  return Object.keys(exploring).length === 0 ? {} : { exploring };
}

const whole = (least: number) => (text: string) => {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least) return value;
  throw new InvalidArgumentError(`it should be a whole number from ${least} to 999,999,999.`);
};

import { callNames, type Model } from "@kvmm/scenario";
import type { Argument, Command, Option } from "commander";

/** A word that could stand there, and what it is. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** What could stand at the end of a command line. */
export interface Candidates {
  readonly words: readonly Candidate[];
  /** A file's name could stand there as well. */
  readonly files: boolean;
}

/**
 * What could stand in place of the last of `words`, which may be empty or begun. `words` is a command line without
 * `kvmm` itself. Everything comes from the commands' own definitions and from what is built into the model.
 */
export function candidates(program: Command, words: readonly string[], model: Model): Candidates {
  const begun = words.at(-1) ?? "";
  const { command, place } = walk(program, words.slice(0, -1));
  const found = at(command, place, begun, model);
  return { ...found, words: found.words.filter(({ word }) => word.startsWith(begun)) };
}

/** What the next word is: the value of an option, or an argument by its number. */
type Place = { readonly value: Option } | { readonly argument: number };

function walk(program: Command, before: readonly string[]): { command: Command; place: Place } {
  let command = program;
  let value: Option | undefined;
  let argument = 0;
  for (const word of before) {
    if (value !== undefined) {
      value = undefined;
      continue;
    }
    if (word.startsWith("-")) {
      const option = command.options.find(({ long, short }) => word === long || word === short);
      if (option?.required === true) value = option;
      continue;
    }
    const nested = command.commands.find((each) => each.name() === word);
    if (nested === undefined) argument++;
    else command = nested;
  }
  return { command, place: value === undefined ? { argument } : { value } };
}

function at(command: Command, place: Place, begun: string, model: Model): Candidates {
  if ("value" in place) return optionValue(place.value, model);
  if (begun.startsWith("-")) {
    const words = command
      .createHelp()
      .visibleOptions(command)
      .flatMap(({ long, description }) => (long == null ? [] : [{ word: long, about: description }]));
    return { words, files: false };
  }
  const nested = command.createHelp().visibleCommands(command);
  if (nested.length > 0)
    return { words: nested.map((each) => ({ word: each.name(), about: each.summary() })), files: false };
  const taken = command.registeredArguments;
  const last = taken.at(-1);
  const argument = taken[place.argument] ?? (last?.variadic === true ? last : undefined);
  return argument === undefined ? nothing : argumentWord(command, argument, model);
}

const nothing: Candidates = { words: [], files: false };

function optionValue({ long, argChoices }: Option, model: Model): Candidates {
  if (argChoices !== undefined) return { words: choices(argChoices), files: false };
  switch (long) {
    case "--kernel":
      return { words: named(model.kernels), files: false };
    case "--patch":
      return { words: named(model.patches), files: true };
    default:
      return { words: [], files: true };
  }
}

function argumentWord(command: Command, argument: Argument, model: Model): Candidates {
  if (argument.argChoices !== undefined) return { words: choices(argument.argChoices), files: false };
  switch (`${command.name()} ${argument.name()}`) {
    case "review patch":
      return { words: named(model.patches), files: true };
    case "run file":
      return { words: named([...model.library, ...model.races]), files: true };
    case "explain what":
      return { words: callNames.map((word) => ({ word, about: "" })), files: true };
    default:
      return { words: [], files: true };
  }
}

const choices = (words: readonly string[]) => words.map((word) => ({ word, about: "" }));

function named(all: readonly { readonly name: string; readonly title?: string }[]): readonly Candidate[] {
  return all.map(({ name, title = "" }) => ({ word: name, about: title }));
}

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { type Argument, type CallFormat, callNames, calls, patches } from "@kvmm/scenario";

const TOP = ["title", "machine", "patches", "steps", "concurrently", "expect"];
const STEP = ["call", "args", "as", "task", "joined"];

/** What may stand where the cursor is, from the vocabulary of calls. */
export function completeScenario(context: CompletionContext): CompletionResult | null {
  const word = context.matchBefore(/[\w-]*/);
  if (word === null || (word.from === word.to && !context.explicit)) return null;
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, word.from - line.from);
  const options = optionsFor(before, line.text);
  return options.length === 0 ? null : { from: word.from, options, validFor: /^[\w-]*$/ };
}

function optionsFor(before: string, line: string): readonly Completion[] {
  if (/call:\s*$/.test(before)) return callNames.map(callCompletion);
  const args = argumentsOf(line);
  if (args !== undefined && /args:\s*\{[^}]*$/.test(before)) return argumentOptions(args, before);
  if (/patches:.*[[,]\s*$/.test(before) || /patches:\s*$/.test(before))
    return patches.map(({ name, title }) => ({ label: name, detail: title, type: "constant" }));
  if (/[{,]\s*$/.test(before)) return STEP.map((label) => ({ label, apply: `${label}: `, type: "property" }));
  if (before.trim() === "") return TOP.map((label) => ({ label, apply: `${label}: `, type: "property" }));
  return [];
}

function callCompletion(name: (typeof callNames)[number]): Completion {
  return { label: name, detail: (calls[name] as CallFormat).does, type: "function" };
}

function argumentsOf(line: string): Readonly<Record<string, Argument>> | undefined {
  const name = /call:\s*(\w+)/.exec(line)?.[1];
  const format = (calls as Readonly<Record<string, CallFormat>>)[name ?? ""];
  return format?.args;
}

function argumentOptions(args: Readonly<Record<string, Argument>>, before: string): readonly Completion[] {
  const inside = before.slice(before.lastIndexOf("args:"));
  const named = /(\w+):\s*(?:\[[^\]]*)?$/.exec(inside.replace(/^args:\s*\{/, ""))?.[1];
  if (
    named === undefined ||
    (/[,{]\s*$/.test(inside.replace(/\[[^\]]*$/, "")) === true && !/\[[^\]]*$/.test(inside))
  )
    return Object.entries(args).map(([label, { type, required }]) => ({
      label,
      apply: `${label}: `,
      detail: `${type.name}${required ? ", needed" : ""}`,
      info: type.expects,
      type: "property",
    }));
  const constants = Object.keys(args[named]?.type.constants ?? {});
  return constants.map((label) => ({ label, type: "constant" }));
}

import type { ArgumentProblem, Scope } from "../format/argument.js";
import type { CallFormat } from "../format/calls/call.js";
import { callFormat, callNames, isCallName } from "../format/calls/index.js";
import { kindInWords, type NameKind, predefinedNames } from "../format/names.js";
import { didYouMean } from "../format/nearest.js";
import type { WrittenStep } from "../format/schema.js";
import type { Step } from "../format/step.js";
import { type Document, type DocumentProblem, problemIn } from "./document.js";
import type { FieldPath } from "./field-path.js";

export interface CheckedSteps {
  readonly steps: readonly Step[];
  /** The names that are known after them. */
  readonly names: ReadonlyMap<string, NameKind>;
}

/** Checks that every call, argument, flag and name is known. `path` is where the list of steps stands. */
export function checkSteps(
  document: Document,
  steps: readonly WrittenStep[],
  path: FieldPath,
  pageSize: number,
  known: ReadonlyMap<string, NameKind> = predefinedNames,
): CheckedSteps {
  const names = new Map(known);
  const checked: Step[] = [];
  for (const [index, step] of steps.entries()) {
    const problem = stepProblem(step, { names, pageSize });
    if (problem !== undefined)
      throw problemIn(document, { ...problem, path: [...path, index, ...problem.path] });
    const { call } = step;
    if (!isCallName(call)) continue;
    const { gives } = callFormat(call);
    if (step.as !== undefined && gives !== undefined) names.set(step.as, gives);
    checked.push(toStep(step, call));
  }
  return { steps: checked, names };
}

function toStep({ args, as, task, joined }: WrittenStep, call: Step["call"]): Step {
  return {
    call,
    ...(args === undefined ? {} : { args }),
    ...(as === undefined ? {} : { as }),
    ...(task === undefined ? {} : { task }),
    ...(joined === undefined ? {} : { joined }),
  };
}

function stepProblem(step: WrittenStep, scope: Scope): DocumentProblem | undefined {
  if (!isCallName(step.call)) {
    const hint = didYouMean(step.call, callNames) ?? '"kvmm run --help" says where the calls are listed';
    return { path: ["call"], problem: `unknown call "${step.call}"`, hint };
  }
  const format = callFormat(step.call);
  return (
    argumentsProblem(step, format, scope) ??
    nameProblem(step, format, scope.names) ??
    taskProblem(step, format, scope.names)
  );
}

function argumentsProblem(step: WrittenStep, format: CallFormat, scope: Scope): DocumentProblem | undefined {
  const args = step.args ?? {};
  const known = Object.keys(format.args);
  const takes = known.length === 0 ? `${step.call} takes none` : `${step.call} takes ${known.join(", ")}`;
  for (const [name, value] of Object.entries(args)) {
    if (!Object.hasOwn(format.args, name))
      return {
        path: ["args", name],
        problem: `${step.call} has no argument "${name}"`,
        hint: didYouMean(name, known) ?? takes,
        at: "key",
      };
    const problem = format.args[name]?.type.check(value, scope);
    if (problem !== undefined) return argumentProblem(["args", name], problem);
  }
  for (const [name, argument] of Object.entries(format.args))
    if (argument.required && !Object.hasOwn(args, name))
      return {
        path: step.args === undefined ? [] : ["args"],
        problem: `${step.call} needs the argument "${name}"`,
        hint: `it is ${argument.type.expects}`,
      };
  return undefined;
}

function argumentProblem(
  path: FieldPath,
  { problem, hint, index, position }: ArgumentProblem,
): DocumentProblem {
  return { path: index === undefined ? path : [...path, index], problem, hint, character: position };
}

function nameProblem(
  step: WrittenStep,
  format: CallFormat,
  names: ReadonlyMap<string, NameKind>,
): DocumentProblem | undefined {
  if (step.as === undefined) return undefined;
  if (format.gives === undefined)
    return { path: ["as"], problem: `${step.call} returns nothing that could be named` };
  if (!predefinedNames.has(step.as)) return undefined;
  const is = kindInWords(names.get(step.as) ?? "descriptor");
  return {
    path: ["as"],
    problem: `"${step.as}" is ${is} that is there from the start`,
    hint: "choose another name",
  };
}

function taskProblem(
  step: WrittenStep,
  format: CallFormat,
  names: ReadonlyMap<string, NameKind>,
): DocumentProblem | undefined {
  const tasks = [...names].filter(([, kind]) => kind === "task").map(([name]) => name);
  const known = tasks.length === 0 ? 'a task comes from fork with "as"' : `tasks here: ${tasks.join(", ")}`;
  if (step.task === undefined) {
    if (format.needsTask !== true) return undefined;
    return { path: [], problem: `${step.call} needs "task", the child that does it`, hint: known };
  }
  const kind = names.get(step.task);
  if (kind === "task") return undefined;
  const problem =
    kind === undefined
      ? `"${step.task}" is not the name of anything so far`
      : `"${step.task}" is ${kindInWords(kind)}, not a task`;
  return { path: ["task"], problem, hint: didYouMean(step.task, tasks) ?? known };
}

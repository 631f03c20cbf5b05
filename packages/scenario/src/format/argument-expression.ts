import type { ArgumentProblem, ArgumentValue, Scope } from "./argument.js";
import { ExpressionError, type ParsedExpression, parseExpression, soleName } from "./expression.js";
import { kindInWords, type NameKind } from "./names.js";
import { didYouMean } from "./nearest.js";
import { typeInWords } from "./type-in-words.js";

/** Can it be evaluated to a number? */
export function isExpression(value: ArgumentValue): value is number | bigint | string {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "string";
}

const parsedExpressions = new Map<string, ParsedExpression>();

/** @throws {@link ExpressionError} for what is no expression */
export function parsed(value: ArgumentValue): ParsedExpression {
  if (!isExpression(value)) throw new ExpressionError(`${typeInWords(value)} is not a number`, 0);
  if (typeof value !== "string") return parseExpression(value);
  let expression = parsedExpressions.get(value);
  if (expression === undefined) {
    expression = parseExpression(value);
    if (parsedExpressions.size >= 4096) parsedExpressions.clear();
    parsedExpressions.set(value, expression);
  }
  return expression;
}

/** What is wrong with an expression, the names in it included; alone, a name has to stand for `wanted`. */
export function expressionProblem(
  value: number | bigint | string,
  scope: Scope,
  wanted: NameKind | undefined,
): ArgumentProblem | undefined {
  let expression: ParsedExpression;
  try {
    expression = parsed(value);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return { problem: error.problem, position: error.position, hint: error.hint };
  }
  for (const term of expression.terms) {
    if (term.kind !== "name" || scope.names.has(term.name)) continue;
    return { ...unknownName(term.name, scope), position: term.at };
  }
  const name = soleName(expression);
  const kind = name === undefined ? undefined : scope.names.get(name);
  if (wanted === undefined || kind === undefined || kind === wanted) return undefined;
  return {
    problem: `"${name}" is ${kindInWords(kind)}, not ${kindInWords(wanted)}`,
    hint: namesOf(wanted, scope),
  };
}

export function unknownName(name: string, scope: Scope): ArgumentProblem {
  const given = [...scope.names.keys()];
  return {
    problem: `"${name}" is not the name of anything so far`,
    hint:
      didYouMean(name, given) ??
      `names come from an earlier step's "as"; known here: ${given.slice(0, 12).join(", ")}`,
  };
}

/** A hint: the names that would fit. */
export function namesOf(kind: NameKind, scope: Scope): string | undefined {
  const fitting = [...scope.names].filter(([, is]) => is === kind).map(([name]) => name);
  return fitting.length === 0 ? undefined : `${kindInWords(kind)} here: ${fitting.slice(0, 12).join(", ")}`;
}

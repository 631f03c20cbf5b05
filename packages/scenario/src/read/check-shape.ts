import { z } from "zod";
import { didYouMean } from "../format/nearest.js";
import { typeInWords } from "../format/type-in-words.js";
import type { Document, DocumentProblem } from "./document.js";
import { problemIn } from "./document.js";
import type { FieldPath } from "./field-path.js";
import { fieldName } from "./field-path.js";
import type { InputError, Place } from "./input-error.js";

/** Holds a document against a schema. What is wrong is told for the mistake that stands first. */
export function checkShape<S extends z.ZodType>(document: Document, schema: S): z.output<S> {
  const result = schema.safeParse(document.value, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => toProblem(issue, schema));
  throw firstOf(document, problems);
}

/**
 * The error for the problem that stands first in the file. What is missing comes last: a mistyped field is
 * an unknown one and a missing one, and the former says more.
 */
function firstOf(document: Document, problems: readonly DocumentProblem[]): InputError {
  const placed = problems.map((problem) => ({ problem, place: document.place(problem.path, problem.at) }));
  placed.sort((a, b) => isMissing(a.problem) - isMissing(b.problem) || order(a.place, b.place));
  return problemIn(document, placed[0]!.problem);
}

const isMissing = ({ problem }: DocumentProblem) => (problem === missingProblem ? 1 : 0);
const missingProblem = "is missing";

function order(a: Place | undefined, b: Place | undefined): number {
  if (a === undefined || b === undefined) return 0;
  return a.line - b.line || a.column - b.column;
}

type Issue = z.core.$ZodIssue;

function toProblem(issue: Issue, schema: z.ZodType): DocumentProblem {
  const path = issue.path.filter((part): part is string | number => typeof part !== "symbol");
  switch (issue.code) {
    case "unrecognized_keys":
      return unknownField(path, issue.keys[0] ?? "", schema);
    case "invalid_type":
      return wrongType(path, issue.input, issue.expected, schema);
    case "invalid_value": {
      const right = issue.values.map((value) => JSON.stringify(value)).join(", ");
      const near =
        typeof issue.input === "string" ? didYouMean(issue.input, issue.values.map(String)) : undefined;
      return { path, problem: `is ${shown(issue.input)}`, hint: near ?? `it should be one of ${right}` };
    }
    case "invalid_union": {
      if (issue.input === undefined) return missing(path, schema);
      const wanted = issue.message === "Invalid input" ? undefined : issue.message;
      return {
        path,
        problem: `is ${shown(issue.input)}`,
        hint: wanted ?? "it should be a number or a string",
      };
    }
    case "invalid_key":
      return { path, problem: "is no good name", hint: issue.issues[0]?.message, at: "key" };
    case "custom":
      return { path, problem: issue.message };
    default:
      return { path, problem: `is ${shown(issue.input)}`, hint: issue.message };
  }
}

function wrongType(path: FieldPath, input: unknown, expected: string, schema: z.ZodType): DocumentProblem {
  if (input === undefined) return missing(path, schema);
  const right = expectedInWords[expected] ?? expected;
  const isVersion = path[path.length - 1] === "kernel" && typeof input === "number";
  const hint = isVersion ? `write it in quotes: kernel: "${input}"` : `it should be ${right}`;
  if (path.length === 0 && input === null) return { path, problem: "is empty", hint };
  return { path, problem: `is ${shown(input)}`, hint };
}

const expectedInWords: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
  record: "a map",
  tuple: "a list",
};

function missing(path: FieldPath, schema: z.ZodType): DocumentProblem {
  const known = fieldsAt(schema, path.slice(0, -1));
  const hint = known.length === 0 ? undefined : `fields here: ${known.join(", ")}`;
  return { path, problem: missingProblem, hint };
}

function unknownField(path: FieldPath, key: string, schema: z.ZodType): DocumentProblem {
  const known = fieldsAt(schema, path);
  const place = path.length === 0 ? "" : ` of ${fieldName(path)}`;
  const hint = didYouMean(key, known) ?? `fields${place}: ${known.join(", ")}`;
  return { path: [...path, key], problem: "unknown field", hint, at: "key" };
}

/** The fields that the schema has at a path. */
function fieldsAt(schema: z.ZodType, path: FieldPath): string[] {
  let at: unknown = schema;
  for (const part of path) {
    at = unwrapped(at);
    if (at instanceof z.ZodObject) at = at.shape[part as string];
    else if (at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else return [];
  }
  at = unwrapped(at);
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrapped(schema: unknown): unknown {
  let at = schema;
  while (at instanceof z.ZodOptional || at instanceof z.ZodNullable) at = at.unwrap();
  return at;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value.length > 60 ? "a string" : JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return `${value}`;
  if (typeof value === "bigint") return `${value}, too large to be exact`;
  return typeInWords(value);
}

import { givenName } from "../kernel-names.js";
import type { Shared } from "../shared-object.js";

/** Engines that can be told how much of the call stack an error has. */
interface StackErrors {
  stackTraceLimit?: number;
  /** V8's: makes `stack` out of the calls. Without one, Node looks each of them up in source maps first. */
  prepareStackTrace?: ((error: Error, calls: unknown[]) => unknown) | undefined;
}

/** Where the path ends and the explorer begins, on the inner side and on the outer. */
const ACCESS = /^Suspendable[.](?:replays|atomic|choose|create)$/;
const STEP = /^Suspendable[.](?:step|start)$/;

/** Functions of this package that paths call. */
const OWN = /^(?:add|repeat|Store[.]\w+|Suspendable[.]\w+)$|<anonymous>/;

/**
 * The names of the functions that are being called, innermost first, as far as they are a path's: those that were
 * given (nameFunctions); if none was, all but the methods of the accessed object's classes and this package's own. Taken from an error's stack, which costs microseconds, and
 * so only where a counterexample is recorded; the paths themselves are left alone. Empty where an engine has no stack.
 */
export function functionsAbove(object: Shared | null): readonly string[] {
  const names = stack().map(nameIn);
  const access = names.findIndex((name) => ACCESS.test(name));
  const step = names.findIndex((name) => STEP.test(name));
  // Between them: the object's methods, the path, and the method that runs the call.
  const path = names.slice(access + 1, step < 0 ? names.length : step - 1);
  const given = path.map(givenName).filter((name) => name !== undefined);
  if (given.length > 0) return given;
  const classes = classesOf(object);
  const isObjects = (name: string) => name.startsWith("#") || classes.has(name.split(".")[0]!);
  const first = object === null ? 0 : path.findIndex((name) => !isObjects(name));
  return path
    .slice(Math.max(first, 0))
    .filter((name) => name !== "" && !OWN.test(name))
    .map((name) => name.replace(/^(?:new |Object[.]|Array[.])/, ""));
}

function classesOf(object: Shared | null): ReadonlySet<string> {
  const classes = new Set<string>();
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (typeof at.constructor === "function") classes.add(at.constructor.name);
  }
  return classes;
}

function stack(): readonly string[] {
  const errors: StackErrors = Error as StackErrors;
  const { stackTraceLimit: limit, prepareStackTrace: prepare } = errors;
  // Whoever wants no stacks gets none.
  if (limit === 0) return [];
  errors.stackTraceLimit = 200;
  if (prepare === undefined)
    errors.prepareStackTrace = (_, calls) => calls.map((call) => `    at ${call}`).join("\n");
  const text = new Error().stack ?? "";
  if (limit !== undefined) errors.stackTraceLimit = limit;
  errors.prepareStackTrace = prepare;
  return text.split("\n");
}

/** V8: `    at Cell.get [as x] (file:1:2)`, `    at kvm_gpc_refresh() (file:1:2)`. Others: `get@file:1:2`. */
function nameIn(line: string): string {
  const v8 = /^\s+at (?:async )?((?:new )?[^\s(]+(?:\(\))?)(?: \[as [^\]]+\])? \(/.exec(line);
  if (v8) return v8[1]!;
  const other = /^([^@\s]+)@/.exec(line);
  return other ? other[1]! : "";
}

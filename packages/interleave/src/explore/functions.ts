import type { Shared } from "../shared.js";

/** What stands between a shared object and the path that accesses it. */
const OWN =
  /^(?:Suspendable|Store|Recorder)[.]|^(?:add|repeat|functionsAbove|stack|onAccess)$|[.]onAccess$|<anonymous>/;

/** Engines that can be told how much of the call stack an error has. */
interface StackErrors {
  stackTraceLimit?: number;
}

/**
 * The names of the functions that are being called, innermost first, as far as they are a path's: without the methods
 * of the accessed object's classes and this package's own. Taken from an error's stack, which costs microseconds, and
 * so only where a counterexample is recorded; the paths themselves are left alone. Empty where an engine has no stack.
 */
export function functionsAbove(object: Shared | null): readonly string[] {
  const classes = new Set<string>(["Shared"]);
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (typeof at.constructor === "function") classes.add(at.constructor.name);
  }
  const names: string[] = [];
  for (const line of stack()) {
    const name = nameIn(line);
    if (name === "Suspendable.#run") break;
    const [owner] = name.replace(/^new /, "").split(".");
    if (name === "" || OWN.test(name)) continue;
    if (name.includes(".") && classes.has(owner!)) continue;
    // A path's function is known by its own name, not by the object on which it was called.
    names.push(name.replace(/^(?:Object|Array)[.]/, ""));
  }
  return names;
}

function stack(): readonly string[] {
  const errors: StackErrors = Error as StackErrors;
  const limit = errors.stackTraceLimit;
  errors.stackTraceLimit = 100;
  const text = new Error().stack ?? "";
  if (limit !== undefined) errors.stackTraceLimit = limit;
  return text.split("\n");
}

/** V8: `    at Cell.get [as x] (file:1:2)`. Others: `get@file:1:2`. */
function nameIn(line: string): string {
  const v8 = /^\s+at (?:async )?((?:new )?[^\s(]+)(?: \[as [^\]]+\])? \(/.exec(line);
  if (v8) return v8[1]!.replace(/^(?:module|exports)[.]/, "");
  const other = /^([^@\s]+)@/.exec(line);
  return other ? other[1]! : "";
}

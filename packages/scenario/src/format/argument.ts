import { expressionProblem, isExpression, namesOf, parsed, unknownName } from "./argument-expression.js";
import { type Environment, ExpressionError, evaluate } from "./expression.js";
import { kindInWords, type NameKind } from "./names.js";
import { didYouMean } from "./nearest.js";
import { typeInWords } from "./type-in-words.js";

/** What a scenario may write as an argument. */
export type ArgumentValue = number | bigint | string | boolean | readonly (number | bigint | string)[];

/** The names that a step may use, with what each stands for. */
export interface Scope {
  readonly names: ReadonlyMap<string, NameKind>;
  readonly pageSize: number;
}

export interface ArgumentProblem {
  readonly problem: string;
  readonly hint?: string | undefined;
  /** The element of a list that it is about. */
  readonly index?: number;
  /** The character of the string that it is about. */
  readonly position?: number;
}

/** One kind of argument: how it is written, what is wrong with a bad one, and its value once names are known. */
export interface ArgumentType<T> {
  /** For tables: `size`, `flags`, `descriptor`. */
  readonly name: string;
  /** For messages: what is right. */
  readonly expects: string;
  /** The constants that it accepts, with their values. */
  readonly constants?: Readonly<Record<string, number>>;
  check(value: ArgumentValue, scope: Scope): ArgumentProblem | undefined;
  resolve(value: ArgumentValue, environment: Environment): T;
}

/** An argument of one call. `absent` is what leaving it out means. */
export interface Argument<T = unknown> {
  readonly type: ArgumentType<unknown>;
  readonly required: boolean;
  readonly absent: ArgumentValue | undefined;
  /** Carries the type of the resolved value; never present. */
  readonly resolved?: T;
}

export function required<T>(type: ArgumentType<T>): Argument<T> {
  return { type, required: true, absent: undefined };
}

/** May be left out; then it is as if `absent` had been written. */
export function orElse<T>(type: ArgumentType<T>, absent: ArgumentValue): Argument<T> {
  return { type, required: false, absent };
}

/** May be left out, which is something of its own: the call does something else then. */
export function optional<T>(type: ArgumentType<T>): Argument<T | undefined> {
  return { type, required: false, absent: undefined };
}

function numeric(name: string, what: string, wanted: NameKind | undefined): ArgumentType<bigint> {
  const expects = `${what}: a number, or an expression such as "16p" or "ram+4p"`;
  return {
    name,
    expects,
    check(value, scope) {
      if (!isExpression(value))
        return { problem: `is ${typeInWords(value)}`, hint: `it should be ${expects}` };
      return expressionProblem(value, scope, wanted);
    },
    resolve: (value, environment) => evaluate(parsed(value), environment),
  };
}

/** A length, an offset, a count: any 64-bit number. */
export const size = numeric("size", "a size", "address");
export const number = numeric("number", "a number", undefined);
/** A number that people read as one: it is printed in decimal. */
export const count = numeric("count", "a count", undefined);
export const address = numeric("address", "an address", "address");
export const descriptor = numeric("descriptor", "a descriptor", "descriptor");

/**
 * What a guest or the VMM touches page by page: whole pages, unlike what a call is given, where the kernel has its own
 * say. Names stand for addresses of pages.
 */
function inPages(type: ArgumentType<bigint>): ArgumentType<bigint> {
  return {
    ...type,
    expects: `${type.expects}, a multiple of the page size`,
    check(value, scope) {
      const problem = type.check(value, scope);
      if (problem !== undefined) return problem;
      const { terms } = parsed(value);
      const known = terms.filter((term) => term.kind === "number");
      const rest =
        BigInt.asUintN(64, evaluate({ terms: known }, { pageSize: scope.pageSize, lookup: () => 0n })) %
        BigInt(scope.pageSize);
      if (rest === 0n) return undefined;
      return {
        problem: `is not a multiple of the page size: ${rest} bytes over`,
        hint: 'pages are touched as wholes; write a size in pages, such as "16p"',
      };
    },
  };
}

export const pagesSize = inPages(size);
export const pagesAddress = inPages(address);

function named(kind: NameKind): ArgumentType<string> {
  const expects = `the name of ${kindInWords(kind)} that an earlier step gave with "as"`;
  return {
    name: kind,
    expects,
    check(value, scope) {
      if (typeof value !== "string")
        return { problem: `is ${typeInWords(value)}`, hint: `it should be ${expects}` };
      const is = scope.names.get(value);
      if (is === undefined) return unknownName(value, scope);
      if (is === kind) return undefined;
      return {
        problem: `"${value}" is ${kindInWords(is)}, not ${kindInWords(kind)}`,
        hint: namesOf(kind, scope),
      };
    },
    resolve: (value) => String(value),
  };
}

export const task = named("task");

/** A pfncache, by what its name stands for: a thread may have named it itself. */
export const cache: ArgumentType<bigint> = {
  ...named("cache"),
  resolve(value, environment) {
    const stands = environment.lookup(String(value));
    if (stands === undefined)
      throw new ExpressionError(`"${String(value)}" names no cache: the call that was to make it failed`, 0);
    return stands;
  },
};

/** The name of a mapping or of a file. */
export const reference: ArgumentType<string> = {
  name: "name",
  expects: 'a name that an earlier step gave with "as"',
  check(value, scope) {
    if (typeof value !== "string")
      return { problem: `is ${typeInWords(value)}`, hint: `it should be ${reference.expects}` };
    return scope.names.has(value) ? undefined : unknownName(value, scope);
  },
  resolve: (value) => String(value),
};

type Constants = Readonly<Record<string, number>>;

function constantProblem(
  value: number | bigint | string,
  constants: Constants,
  scope: Scope,
): ArgumentProblem | undefined {
  if (typeof value === "string" && Object.hasOwn(constants, value)) return undefined;
  if (typeof value === "string" && /^[A-Za-z_]\w*$/.test(value)) {
    const names = Object.keys(constants);
    const shown = names.slice(0, 12).join(", ");
    return {
      problem: `unknown constant "${value}"`,
      hint:
        didYouMean(value, names) ??
        `known here: ${shown}${names.length > 12 ? ", ..." : ""}; a number is taken as it is`,
    };
  }
  return expressionProblem(value, scope, undefined);
}

function constantValue(value: ArgumentValue, constants: Constants, environment: Environment): bigint {
  if (typeof value === "string" && Object.hasOwn(constants, value)) return BigInt(constants[value]!);
  return evaluate(parsed(value), environment);
}

/** A list of constants; a number among them stands for itself. */
export function flags(...tables: readonly Constants[]): ArgumentType<bigint> {
  const constants: Constants = Object.assign({}, ...tables);
  const example = Object.keys(constants)[0] ?? "0";
  const expects = `a list of flags, such as [${example}]`;
  return {
    name: "flags",
    expects,
    constants,
    check(value, scope) {
      if (!Array.isArray(value))
        return { problem: `is ${typeInWords(value)}`, hint: `it should be ${expects}` };
      for (const [index, element] of value.entries()) {
        const problem = constantProblem(element, constants, scope);
        if (problem !== undefined) return { ...problem, index };
      }
      return undefined;
    },
    resolve(value, environment) {
      if (!Array.isArray(value)) throw new ExpressionError(`${typeInWords(value)} is not a list of flags`, 0);
      let bits = 0n;
      for (const element of value) bits |= constantValue(element, constants, environment);
      return BigInt.asUintN(64, bits);
    },
  };
}

/** One constant by its name, or a number. */
export function constant(constants: Constants): ArgumentType<bigint> {
  const names = Object.keys(constants);
  const expects = `one of ${names.slice(0, 12).join(", ")}${names.length > 12 ? ", ..." : ""}`;
  return {
    name: "constant",
    expects,
    constants,
    check(value, scope) {
      if (!isExpression(value))
        return { problem: `is ${typeInWords(value)}`, hint: `it should be ${expects}` };
      return constantProblem(value, constants, scope);
    },
    resolve: (value, environment) => constantValue(value, constants, environment),
  };
}

const protectionBits: Readonly<Record<string, bigint>> = { r: 1n, w: 2n, x: 4n };

/** `"rw"`, `"none"`, or a number. */
export const protection: ArgumentType<bigint> = {
  name: "prot",
  expects: '"none", or a string of r, w and x such as "rw", or a number',
  check(value) {
    if (typeof value === "number" || typeof value === "bigint")
      return expressionProblem(value, nothingNamed, undefined);
    if (typeof value !== "string")
      return { problem: `is ${typeInWords(value)}`, hint: `it should be ${protection.expects}` };
    if (value === "none") return undefined;
    for (const [position, letter] of [...value].entries())
      if (!Object.hasOwn(protectionBits, letter))
        return {
          problem: `"${letter}" in "${value}" is no protection`,
          position,
          hint: `it should be ${protection.expects}`,
        };
    if (value === "") return { problem: "is empty", hint: 'write "none" for PROT_NONE' };
    return undefined;
  },
  resolve(value) {
    if (typeof value === "number" || typeof value === "bigint") return BigInt.asUintN(64, BigInt(value));
    if (typeof value !== "string") throw new ExpressionError(`${typeInWords(value)} is no protection`, 0);
    if (value === "none") return 0n;
    let bits = 0n;
    for (const letter of value) bits |= protectionBits[letter] ?? 0n;
    return bits;
  },
};

const nothingNamed: Scope = { names: new Map(), pageSize: 4096 };

function numberList(name: string, expects: string, limit: bigint): ArgumentType<readonly bigint[]> {
  return {
    name,
    expects,
    check(value, scope) {
      if (!Array.isArray(value))
        return { problem: `is ${typeInWords(value)}`, hint: `it should be ${expects}` };
      for (const [index, element] of value.entries()) {
        const problem = expressionProblem(element, scope, undefined);
        if (problem !== undefined) return { ...problem, index };
        if (evaluateLiteral(element) >= limit)
          return { problem: `${element} is out of range`, index, hint: `it should be ${expects}` };
      }
      return undefined;
    },
    resolve(value, environment) {
      if (!Array.isArray(value)) throw new ExpressionError(`${typeInWords(value)} is not a list`, 0);
      return value.map((element) => evaluate(parsed(element), environment));
    },
  };
}

/** The value of an element whose names do not matter: those count as 0. */
function evaluateLiteral(value: number | bigint | string): bigint {
  return evaluate(parsed(value), { pageSize: 4096, lookup: () => 0n });
}

/** A list of NUMA nodes; `[]` is NULL. */
export const nodemask = numberList("nodemask", "a list of NUMA nodes, such as [0, 1]", 1024n);
export const numbers = numberList("numbers", "a list of numbers", 1n << 64n);

/** `"0600"`: a file mode, in octal. */
export const fileMode: ArgumentType<bigint> = {
  name: "mode",
  expects: 'a file mode in octal, as a string such as "0600"',
  check: (value) =>
    typeof value === "string" && /^[0-7]{1,6}$/.test(value)
      ? undefined
      : {
          problem: `${typeof value === "string" ? `"${value}"` : typeInWords(value)} is no file mode`,
          hint: `it should be ${fileMode.expects}`,
        },
  resolve: (value) => BigInt(`0o${String(value)}`),
};

export const text: ArgumentType<string> = {
  name: "text",
  expects: "a string",
  check: (value) =>
    typeof value === "string"
      ? undefined
      : { problem: `is ${typeInWords(value)}`, hint: `it should be ${text.expects}` },
  resolve: (value) => String(value),
};

export const bool: ArgumentType<boolean> = {
  name: "bool",
  expects: "true or false",
  check: (value) =>
    typeof value === "boolean"
      ? undefined
      : { problem: `is ${typeInWords(value)}`, hint: `it should be ${bool.expects}` },
  resolve: (value) => value === true,
};

/** One word of a fixed few. */
export function choice<const W extends string>(...words: readonly W[]): ArgumentType<W> {
  const expects = `one of ${words.map((word) => `"${word}"`).join(", ")}`;
  const known = new Set<string>(words);
  return {
    name: words.join(" | "),
    expects,
    check: (value) =>
      typeof value === "string" && known.has(value)
        ? undefined
        : { problem: wordProblem(value), hint: hintFor(value, words, expects) },
    resolve: (value) => value as W,
  };
}

/** A list of words of a fixed few. */
export function choices<const W extends string>(...words: readonly W[]): ArgumentType<readonly W[]> {
  const expects = `a list of ${words.map((word) => `"${word}"`).join(", ")}`;
  const known = new Set<string>(words);
  return {
    name: `list of ${words.join(" | ")}`,
    expects,
    check(value) {
      if (!Array.isArray(value))
        return { problem: `is ${typeInWords(value)}`, hint: `it should be ${expects}` };
      for (const [index, word] of value.entries())
        if (!known.has(String(word)))
          return { problem: wordProblem(word), hint: hintFor(word, words, expects), index };
      return undefined;
    },
    resolve: (value) => value as readonly W[],
  };
}

function wordProblem(value: ArgumentValue): string {
  return typeof value === "string" ? `unknown word "${value}"` : `is ${typeInWords(value)}`;
}

function hintFor(value: ArgumentValue, words: readonly string[], expects: string): string {
  const near = typeof value === "string" ? didYouMean(value, words) : undefined;
  return near ?? `it should be ${expects}`;
}

/** `dirty_bitmap` of KVM_CLEAR_DIRTY_LOG: what was read last, every bit, or a pointer to use instead. */
export const clearBitmap: ArgumentType<"as_read" | "ones" | bigint> = {
  name: "bitmap",
  expects: '"as_read", "ones", or a pointer',
  check(value, scope) {
    if (value === "as_read" || value === "ones") return undefined;
    const near = typeof value === "string" ? didYouMean(value, ["as_read", "ones"]) : undefined;
    const problem = address.check(value, scope);
    if (problem === undefined) return undefined;
    return { ...problem, hint: near ?? `it should be ${clearBitmap.expects}` };
  },
  resolve: (value, environment) =>
    value === "as_read" || value === "ones" ? value : evaluate(parsed(value), environment),
};

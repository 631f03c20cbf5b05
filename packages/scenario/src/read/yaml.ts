import type { Alias, Node, Pair, ParsedNode, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { isAlias, isMap, isPair, isScalar, isSeq, parseDocument } from "yaml";
import { type Document, deepest, LineIndex, mostValues } from "./document.js";
import { type FieldPath, fieldName } from "./field-path.js";
import { InputError, type Problem } from "./input-error.js";

/** A YAML file is at most this long: it was written by hand. */
export const longestYaml = 1 << 20;

interface Offsets {
  readonly key: number | undefined;
  readonly value: number;
  readonly quoted: boolean;
}

/**
 * Reads YAML 1.2 with the plain schema: maps, lists, strings, numbers, booleans and null. Integers that a
 * number cannot hold exactly become bigint, and a key given twice is an error.
 */
export function parseYaml(text: string, file: string): Document {
  const lines = new LineIndex(text);
  const fail = (problem: Problem, offset: number) =>
    new InputError(file, { ...problem, place: lines.place(Math.min(offset, text.length)) });
  if (text.length > longestYaml)
    throw new InputError(file, {
      problem: `is ${text.length} characters long; a scenario has at most ${longestYaml}`,
    });
  tooDeep(text, fail);
  const root = parsed(text, fail);
  const offsets = new Map<string, Offsets>();
  const value = root === null ? null : new Converter(offsets, fail).convert(root, []);
  return {
    file,
    value,
    place(path, at = "value", character) {
      for (let length = path.length; length >= 0; length--) {
        const found = offsets.get(pathKey(path.slice(0, length)));
        if (found === undefined) continue;
        const whole = length === path.length;
        if (whole && at === "key" && found.key !== undefined) return lines.place(found.key);
        if (!whole || character === undefined) return lines.place(found.value);
        return lines.place(found.value + character + (found.quoted ? 1 : 0));
      }
      return undefined;
    },
  };
}

const pathKey = (path: FieldPath) => JSON.stringify(path);

type Fail = (problem: Problem, offset: number) => InputError;

function parsed(text: string, fail: Fail): ParsedNode | null {
  let document: ReturnType<typeof parseDocument<ParsedNode>>;
  try {
    document = parseDocument<ParsedNode>(text, {
      version: "1.2",
      schema: "core",
      strict: true,
      uniqueKeys: true,
      stringKeys: false,
      prettyErrors: false,
      logLevel: "silent",
      intAsBigInt: true,
      merge: false,
    }) as ReturnType<typeof parseDocument<ParsedNode>>;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // The parser recurses, and throws what it did not foresee; either way the text is no YAML for us.
    throw fail({ problem: `is not YAML that can be read: ${error.message}` }, 0);
  }
  const [first] = document.errors;
  if (first === undefined) return document.contents;
  if (first.code === "DUPLICATE_KEY") throw duplicate(text, first.pos[0], fail);
  if (first.code === "MULTIPLE_DOCS")
    throw fail({ problem: "a second document begins here", hint: "a file holds one scenario" }, first.pos[0]);
  throw fail(
    { problem: `is not valid YAML: ${first.message}`, hint: yamlHint(text, first.pos[0]) },
    first.pos[0],
  );
}

function duplicate(text: string, offset: number, fail: Fail): InputError {
  const key = /^[^\s:,{}[\]]{1,80}/.exec(text.slice(offset, offset + 80))?.[0];
  return fail(
    { problem: "the same key is given twice", ...(key === undefined ? {} : { field: key }) },
    offset,
  );
}

function yamlHint(text: string, offset: number): string | undefined {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset + 1);
  return line.includes("\t") ? "YAML is indented by blanks, not by tabs" : undefined;
}

/** The parser recurses once for each level; refuse what would exhaust the stack before it starts. */
function tooDeep(text: string, fail: Fail): void {
  let flow = 0;
  const bound = 20 * deepest;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "[" || character === "{") flow++;
    else if (character === "]" || character === "}") flow = Math.max(0, flow - 1);
    if (flow > bound) throw fail({ problem: `is nested deeper than ${deepest} levels` }, at);
  }
  const dashes = /(?:[-?:][ \t]+){200}/.exec(text);
  if (dashes !== null) throw fail({ problem: `is nested deeper than ${deepest} levels` }, dashes.index);
}

class Converter {
  private count = 0;

  constructor(
    private readonly offsets: Map<string, Offsets>,
    private readonly fail: Fail,
  ) {}

  convert(node: Node, path: FieldPath, keyAt?: number, from?: ReadonlySet<Node>): unknown {
    const at = node.range?.[0] ?? 0;
    if (from === undefined) {
      const quoted = isScalar(node) && (node.type === "QUOTE_DOUBLE" || node.type === "QUOTE_SINGLE");
      this.offsets.set(pathKey(path), { key: keyAt, value: at, quoted });
    }
    if (++this.count > mostValues) throw this.fail({ problem: "its aliases expand to too much" }, at);
    if (path.length > deepest) throw this.fail({ problem: `is nested deeper than ${deepest} levels` }, at);
    if (isAlias(node)) return this.alias(node, path, from ?? new Set());
    if (isMap(node)) return this.map(node, path, from);
    if (isSeq(node)) return this.list(node, path, from);
    if (isScalar(node)) return this.scalar(node, path);
    throw this.fail({ problem: "is neither a value, a list nor a map", field: fieldName(path) }, at);
  }

  private readonly anchors = new Map<string, Node>();

  private alias(node: Alias, path: FieldPath, from: ReadonlySet<Node>): unknown {
    const target = this.anchors.get(node.source);
    const at = node.range?.[0] ?? 0;
    if (target === undefined) throw this.fail({ problem: `the alias *${node.source} names no anchor` }, at);
    if (from.has(target)) throw this.fail({ problem: `the alias *${node.source} contains itself` }, at);
    return this.convert(target, path, undefined, new Set([...from, target]));
  }

  private anchor(node: { anchor?: string | undefined } & Node): void {
    if (node.anchor !== undefined && node.anchor !== "") this.anchors.set(node.anchor, node);
  }

  private map(node: YAMLMap, path: FieldPath, from: ReadonlySet<Node> | undefined): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.anchor(node);
    for (const pair of node.items) {
      const [key, keyAt] = this.key(pair, path, node);
      const value =
        pair.value === null ? null : this.convert(pair.value as Node, [...path, key], keyAt, from);
      if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true });
      else object[key] = value;
    }
    return object;
  }

  private key(pair: Pair, path: FieldPath, map: YAMLMap): [key: string, offset: number] {
    const at = (pair.key as Node | null)?.range?.[0] ?? map.range?.[0] ?? 0;
    if (!isPair(pair) || !isScalar(pair.key) || pair.key.value === null)
      throw this.fail({ problem: "a key should be a plain word", field: fieldName(path) }, at);
    this.anchor(pair.key);
    return [String(pair.key.value), at];
  }

  private list(node: YAMLSeq, path: FieldPath, from: ReadonlySet<Node> | undefined): unknown[] {
    this.anchor(node);
    return node.items.map((item, index) => this.convert(item as Node, [...path, index], undefined, from));
  }

  private scalar(node: Scalar, path: FieldPath): unknown {
    this.anchor(node);
    const { value } = node;
    if (typeof value === "bigint") {
      const exact = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
      return exact ? Number(value) : value;
    }
    if (
      value === null ||
      typeof value === "string" ||
      typeof value === "number" ||
      typeof value === "boolean"
    )
      return value;
    throw this.fail({ problem: "is not a plain value", field: fieldName(path) }, node.range?.[0] ?? 0);
  }
}

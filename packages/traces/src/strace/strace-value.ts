/** An argument as strace prints it. */
export type StraceValue =
  | { readonly kind: "number"; readonly value: bigint }
  /** `A|B|0x8`: names, and what had none as a number. A constant is a list of one. */
  | { readonly kind: "flags"; readonly names: readonly string[]; readonly rest: bigint }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "struct"; readonly fields: ReadonlyMap<string, StraceValue> }
  | { readonly kind: "list"; readonly items: readonly StraceValue[] }
  /** Anything else, as it stands there. */
  | { readonly kind: "text"; readonly text: string };

/** Structures within structures that are followed; strace prints few. */
const DEEPEST = 32;

const OPENING = "([{";
const CLOSING = ")]}";

/** One argument. */
export function parseStraceValue(text: string, depth = 0): StraceValue {
  const value = text.trim();
  const number = /^(-?\d+|0x[0-9a-f]+|0[0-7]+)(?:<.*>)?$/i.exec(value)?.[1];
  if (number !== undefined) return { kind: "number", value: numberOf(number) };
  if (value === "NULL") return { kind: "number", value: 0n };
  if (value.startsWith('"')) return { kind: "string", text: value };
  if (depth < DEEPEST && value.startsWith("{") && value.endsWith("}"))
    return structOf(value.slice(1, -1), depth);
  if (depth < DEEPEST && value.startsWith("[") && value.endsWith("]")) {
    const items = splitStraceList(value.slice(1, -1)).map((item) => parseStraceValue(item, depth + 1));
    return { kind: "list", items };
  }
  return flagsOf(value) ?? { kind: "text", text: value };
}

function structOf(inner: string, depth: number): StraceValue {
  const fields = new Map<string, StraceValue>();
  for (const part of splitStraceList(inner)) {
    const [, name, value] = /^\s*([A-Za-z_][\w.]*)\s*=\s*([\s\S]*)$/.exec(part) ?? [];
    if (name !== undefined && value !== undefined) fields.set(name, parseStraceValue(value, depth + 1));
  }
  return { kind: "struct", fields };
}

/** `A|B|0x8`; strace puts what it knows no name for into a comment, 0x8 with a slash and a star. */
function flagsOf(value: string): StraceValue | undefined {
  const names: string[] = [];
  let rest = 0n;
  for (const part of value.replaceAll(/\/\*.*?\*\//g, "").split("|")) {
    const flag = part.trim();
    if (/^[A-Z_][A-Z0-9_]*$/.test(flag)) names.push(flag);
    else if (/^(0x[0-9a-f]+|\d+)(<<\d+)?$/i.test(flag)) rest |= shifted(flag);
    else return undefined;
  }
  return { kind: "flags", names, rest };
}

/** `1<<17`, as strace prints the order of huge pages in flags. */
function shifted(text: string): bigint {
  const [number = "0", by = "0"] = text.split("<<");
  return Number(by) < 64 ? numberOf(number) << BigInt(by) : 0n;
}

function numberOf(text: string): bigint {
  const digits = text.replace("-", "");
  const octal = /^0[0-7]+$/.test(digits);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return text.startsWith("-") ? -value : value;
}

/** The parts between the commas of a list, commas within brackets and strings left alone. */
export function splitStraceList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let begin = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (OPENING.includes(char)) depth++;
    else if (CLOSING.includes(char)) depth--;
    else if (char === "," && depth === 0) {
      parts.push(text.slice(begin, at));
      begin = at + 1;
    }
  }
  const last = text.slice(begin);
  if (last.trim() !== "" || parts.length > 0) parts.push(last);
  return parts;
}

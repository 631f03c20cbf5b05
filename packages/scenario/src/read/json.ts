import type { Document } from "./document.js";
import { deepest, LineIndex } from "./document.js";
import type { FieldPath } from "./field-path.js";
import { fieldName } from "./field-path.js";
import { InputError } from "./input-error.js";

/** Reads JSON: integers that a number cannot hold exactly become bigint, and a key given twice is an error. */
export function parseJson(text: string, file: string, firstLine = 1): Document {
  const value = new JsonReader(text, file, firstLine).document();
  return {
    file,
    value,
    place(path, at = "value", character) {
      const offset = locate(text, file, path, at);
      const inString = at === "value" && text[offset] === '"' && character !== undefined;
      return new LineIndex(text, firstLine).place(inString ? offset + 1 + character : offset);
    },
  };
}

/** Reads the text once more, up to where the path leads. */
function locate(text: string, file: string, path: FieldPath, at: "key" | "value"): number {
  return new JsonReader(text, file, 1, path, at).find();
}

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const numberPattern = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const wordPattern = /[A-Za-z]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them inside strings
const plainPattern = /[^"\\\u0000-\u001f]*/y;
const spacePattern = /[ \t\r\n]*/y;

class JsonReader {
  private position = 0;
  private readonly path: (string | number)[] = [];
  private keyAt: number | undefined;
  private valueAt = 0;
  private depth = 0;

  constructor(
    private readonly text: string,
    private readonly file: string,
    private readonly firstLine: number,
    private readonly wanted?: FieldPath,
    private readonly at: "key" | "value" = "value",
  ) {}

  document(): unknown {
    const value = this.value();
    this.space();
    if (this.position < this.text.length)
      throw this.wrong(`unexpected ${this.here()} after the end of the document`);
    return value;
  }

  find(): number {
    this.document();
    return this.at === "key" && this.keyAt !== undefined ? this.keyAt : this.valueAt;
  }

  private value(): unknown {
    this.space();
    this.note("value", this.position);
    if (this.path.length > deepest) throw this.wrong(`is nested deeper than ${deepest} levels`);
    const character = this.text[this.position];
    if (character === "{") return this.object();
    if (character === "[") return this.array();
    if (character === '"') return this.string();
    if (character === "-" || (character !== undefined && character >= "0" && character <= "9"))
      return this.number();
    const start = this.position;
    switch (this.match(wordPattern)) {
      case "true":
        return true;
      case "false":
        return false;
      case "null":
        return null;
    }
    this.position = start;
    throw this.wrong(`unexpected ${this.here()} where a value should stand`);
  }

  private object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.position++;
    this.space();
    if (this.take("}")) return object;
    for (;;) {
      this.space();
      const keyAt = this.position;
      if (this.text[keyAt] !== '"') throw this.wrong(`unexpected ${this.here()} where a key should stand`);
      const key = this.string();
      this.path.push(key);
      if (Object.hasOwn(object, key)) throw this.wrong("is given twice", keyAt);
      this.note("key", keyAt);
      this.space();
      if (!this.take(":")) throw this.wrong(`unexpected ${this.here()} where ":" should stand`);
      const value = this.value();
      if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true });
      else object[key] = value;
      this.path.pop();
      this.space();
      if (this.take("}")) return object;
      if (!this.take(",")) throw this.wrong(`unexpected ${this.here()} where "," or "}" should stand`);
    }
  }

  private array(): unknown[] {
    const array: unknown[] = [];
    this.position++;
    this.space();
    if (this.take("]")) return array;
    for (;;) {
      this.path.push(array.length);
      array.push(this.value());
      this.path.pop();
      this.space();
      if (this.take("]")) return array;
      if (!this.take(",")) throw this.wrong(`unexpected ${this.here()} where "," or "]" should stand`);
    }
  }

  private string(): string {
    const start = this.position;
    this.position++;
    let result = "";
    for (;;) {
      result += this.match(plainPattern);
      if (this.take('"')) return result;
      if (!this.take("\\")) {
        if (this.position >= this.text.length)
          throw this.wrong("the string that begins here does not end", start);
        throw this.wrong("a line break or control character stands in a string");
      }
      result += this.escape();
    }
  }

  private escape(): string {
    const character = this.text[this.position] ?? "";
    const plain = escapes[character];
    if (plain !== undefined) {
      this.position++;
      return plain;
    }
    const hex = this.text.slice(this.position + 1, this.position + 5);
    if (character !== "u" || !/^[0-9a-fA-F]{4}$/.test(hex)) throw this.wrong("a bad escape in a string");
    this.position += 5;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  private number(): number | bigint {
    const start = this.position;
    numberPattern.lastIndex = start;
    const match = numberPattern.exec(this.text);
    if (match === null) throw this.wrong(`unexpected ${this.here()} where a number should stand`);
    this.position += match[0].length;
    if (/[\w.]/.test(this.text[this.position] ?? ""))
      throw this.wrong(
        `unexpected ${this.here()} in a number`,
        this.position,
        'hexadecimal numbers and sizes are strings in JSON: "0x1000", "16p"',
      );
    const value = Number(match[0]);
    const isInteger = match[1] === undefined && match[2] === undefined;
    return isInteger && !Number.isSafeInteger(value) ? BigInt(match[0]) : value;
  }

  /** Remembers where the wanted path leads, or as far along it as the document goes. */
  private note(what: "key" | "value", offset: number): void {
    const { wanted, path } = this;
    if (wanted === undefined || path.length > wanted.length) return;
    if (!path.every((part, i) => part === wanted[i])) return;
    if (what === "key") {
      if (path.length === wanted.length) this.keyAt = offset;
    } else if (path.length >= this.depth) {
      this.depth = path.length;
      this.valueAt = offset;
    }
  }

  private space(): void {
    this.match(spacePattern);
  }

  private take(character: string): boolean {
    if (this.text[this.position] !== character) return false;
    this.position++;
    return true;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.position += found.length;
    return found;
  }

  private here(): string {
    const character = this.text.codePointAt(this.position);
    return character === undefined ? "end" : `"${String.fromCodePoint(character)}"`;
  }

  private wrong(problem: string, offset = this.position, hint?: string): InputError {
    const place = new LineIndex(this.text, this.firstLine).place(offset);
    return new InputError(this.file, { problem, hint, field: fieldName(this.path), place });
  }
}

/**
 * Numbers, sizes and addresses as scenarios write them: a number, or terms joined by `+` or `-`,
 * each a decimal or hex number with an optional unit, or a name. `"ram-4p"`, `"0x80000000+1M"`, `"-1p"`.
 */
export type Expression = number | bigint | string;

export type Term =
  | { readonly kind: "number"; readonly negative: boolean; readonly value: bigint; readonly pages: boolean }
  | { readonly kind: "name"; readonly negative: boolean; readonly name: string; readonly at: number };

export interface ParsedExpression {
  readonly terms: readonly Term[];
}

/** What went wrong in an expression, and at which character of it. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
  constructor(
    readonly problem: string,
    readonly position: number,
    readonly hint?: string,
  ) {
    super(hint === undefined ? problem : `${problem}; ${hint}`);
  }
}

export interface Environment {
  readonly pageSize: number;
  /** The value of a name, or undefined where the name is not known. */
  lookup(name: string): bigint | undefined;
}

const units: Readonly<Record<string, bigint>> = { K: 1n << 10n, M: 1n << 20n, G: 1n << 30n };
const longestExpression = 1000;
const numberPattern = /0[xX][0-9a-fA-F]+|[0-9]+/y;
const wordPattern = /[A-Za-z_][A-Za-z0-9_]*/y;

/** Parses an expression, once; evaluate it with {@link evaluate} as often as needed. */
export function parseExpression(source: Expression): ParsedExpression {
  if (typeof source === "bigint") return { terms: [numberTerm(source)] };
  if (typeof source === "number") {
    if (!Number.isInteger(source)) throw new ExpressionError(`${source} is not a whole number`, 0);
    if (!Number.isSafeInteger(source))
      throw new ExpressionError(
        `${source} is too large for a JSON number to be exact`,
        0,
        'write it as a string, such as "0x8000000000000000"',
      );
    return { terms: [numberTerm(BigInt(source))] };
  }
  return { terms: new ExpressionReader(source).terms() };
}

/** The value as the kernel gets it: 64 bits, unsigned; what is negative or too large wraps. */
export function evaluate(expression: ParsedExpression, environment: Environment): bigint {
  let sum = 0n;
  for (const term of expression.terms) {
    let value: bigint;
    if (term.kind === "number") value = term.pages ? term.value * BigInt(environment.pageSize) : term.value;
    else {
      const found = environment.lookup(term.name);
      if (found === undefined)
        throw new ExpressionError(`"${term.name}" is not the name of anything so far`, term.at);
      value = found;
    }
    sum += term.negative ? -value : value;
  }
  return BigInt.asUintN(64, sum);
}

/** The name that an expression consists of, where it is nothing else. */
export function soleName(expression: ParsedExpression): string | undefined {
  const [first, ...rest] = expression.terms;
  if (first?.kind !== "name" || first.negative || rest.length > 0) return undefined;
  return first.name;
}

const numberTerm = (value: bigint): Term => ({ kind: "number", negative: false, value, pages: false });

class ExpressionReader {
  private position = 0;

  constructor(private readonly source: string) {
    if (source.length > longestExpression)
      throw new ExpressionError(
        `an expression of ${source.length} characters is too long`,
        longestExpression,
      );
  }

  terms(): Term[] {
    this.skipSpace();
    if (this.position === this.source.length)
      throw new ExpressionError(
        "an empty string is not a number",
        0,
        'write a number, a size such as "16p", or a name such as "ram+4p"',
      );
    const terms: Term[] = [];
    let negative = this.takeSign() === "-";
    for (;;) {
      terms.push(this.term(negative));
      this.skipSpace();
      if (this.position === this.source.length) return terms;
      const sign = this.takeSign();
      if (sign === undefined)
        throw new ExpressionError(
          `unexpected "${this.source[this.position]}" in "${this.source}"`,
          this.position,
          "terms are joined by + or -",
        );
      negative = sign === "-";
    }
  }

  private term(negative: boolean): Term {
    this.skipSpace();
    const at = this.position;
    const digits = this.match(numberPattern);
    if (digits !== undefined) return this.number(digits, negative, at);
    const name = this.match(wordPattern);
    if (name !== undefined) return { kind: "name", negative, name, at };
    const found =
      at === this.source.length
        ? `"${this.source}" ends`
        : `unexpected "${this.source[at]}" in "${this.source}"`;
    throw new ExpressionError(`${found} where a number or a name should stand`, at);
  }

  private number(digits: string, negative: boolean, at: number): Term {
    const unitAt = this.position;
    const unit = this.match(wordPattern);
    let value = BigInt(digits);
    let pages = false;
    if (unit === "p") pages = true;
    else if (unit !== undefined) {
      const factor = units[unit];
      if (factor === undefined)
        throw new ExpressionError(
          `unknown unit "${unit}" in "${this.source}"`,
          unitAt,
          "units are p (pages), K, M and G",
        );
      value *= factor;
    } else if (this.source[this.position] === ".")
      throw new ExpressionError(`"${this.source}" has a fraction`, this.position, "sizes are whole numbers");
    if (value >= 1n << 64n)
      throw new ExpressionError(`${this.source.slice(at, this.position)} does not fit in 64 bits`, at);
    return { kind: "number", negative, value, pages };
  }

  private takeSign(): string | undefined {
    this.skipSpace();
    const sign = this.source[this.position];
    if (sign !== "+" && sign !== "-") return undefined;
    this.position++;
    return sign;
  }

  private skipSpace(): void {
    while (this.source[this.position] === " ") this.position++;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.source)?.[0];
    if (found !== undefined) this.position += found.length;
    return found;
  }
}

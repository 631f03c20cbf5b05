import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Environment } from "./expression.js";
import { ExpressionError, evaluate, parseExpression } from "./expression.js";

const environment: Environment = {
  pageSize: 4096,
  lookup: (name) => new Map([["ram", 0x200000000000n]]).get(name),
};
const value = (source: number | bigint | string) => evaluate(parseExpression(source), environment);

function errorOf(source: number | string): ExpressionError {
  try {
    value(source);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${source} was accepted`);
}

describe("an expression", () => {
  test.each([
    ["16p", 65536n],
    ["ram-4p", 0x200000000000n - 16384n],
    ["0x80000000+1M", 0x80100000n],
    ["-1p", (1n << 64n) - 4096n],
    ["0x80000000-15p", 0x80000000n - 61440n],
    ["16p+1", 65537n],
    ["0x10p", 65536n],
    ["2G+4K", 0x80001000n],
    [" ram + 2p ", 0x200000002000n],
    ["-1", 0xffffffffffffffffn],
    ["0x8000000000000000", 1n << 63n],
    ["0xffffffffffffffff+1", 0n],
    [7, 7n],
    [-1, 0xffffffffffffffffn],
    [1n << 63n, 1n << 63n],
  ])("%s is %s", (source, expected) => {
    expect(value(source)).toBe(expected);
  });

  test.each([
    ["", 0, "an empty string is not a number"],
    ["16q", 2, 'unknown unit "q" in "16q"'],
    ["ram+", 4, '"ram+" ends where a number or a name should stand'],
    ["ram+raam", 4, '"raam" is not the name of anything so far'],
    ["4p 4p", 3, 'unexpected "4" in "4p 4p"'],
    ["1.5p", 1, '"1.5p" has a fraction'],
    ["ram*2", 3, 'unexpected "*" in "ram*2"'],
    ["0x10000000000000000", 0, "0x10000000000000000 does not fit in 64 bits"],
    [1.5, 0, "1.5 is not a whole number"],
    [2 ** 60, 0, "1152921504606847000 is too large for a JSON number to be exact"],
  ])("%j is refused at character %d", (source, position, problem) => {
    expect(errorOf(source)).toMatchObject({ problem, position });
  });

  test("throws nothing but an ExpressionError, whatever the string", () => {
    const piece = fc.constantFrom(
      "ram",
      "0x",
      "1",
      "p",
      "K",
      "+",
      "-",
      " ",
      ".",
      "é",
      "\u0000",
      "99999999999999999999",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((pieces) => pieces.join("")),
        ),
        (source) => {
          try {
            expect(value(source)).toBeTypeOf("bigint");
          } catch (error) {
            expect(error).toBeInstanceOf(ExpressionError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("means the sum of its terms, in 64 bits", () => {
    const term = fc.record({ value: fc.bigInt(0n, (1n << 64n) - 1n), negative: fc.boolean() });
    fc.assert(
      fc.property(fc.array(term, { minLength: 1, maxLength: 6 }), (terms) => {
        const source = terms
          .map(({ value: v, negative }, i) => `${negative ? "-" : i === 0 ? "" : "+"}${v}`)
          .join("");
        const sum = terms.reduce((total, { value: v, negative }) => total + (negative ? -v : v), 0n);
        expect(value(source)).toBe(BigInt.asUintN(64, sum));
      }),
    );
  });
});

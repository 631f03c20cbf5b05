import { expect, test } from "vitest";
import { commentsOf, decisionLines } from "./decisions.js";

test("a decision is told by the comment of its field", () => {
  const source =
    "  /**\n   * f(): is a\n   * page put?\n   */\n  readonly put: boolean;\n  /** g() */\n  readonly kept: 1;\n";
  expect([...commentsOf(source)]).toEqual([
    ["put", "f(): is a page put?"],
    ["kept", "g()"],
  ]);
});

test("every decision of every kernel has its row", () => {
  const lines = decisionLines().join("\n");
  expect(lines).toContain("| `gpcSequence` |");
  expect(lines).toContain("| `loggingTopup` |");
});

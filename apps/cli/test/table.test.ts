import { expect, test } from "vitest";
import { styleFor } from "../src/output/style.js";
import { table } from "../src/output/table.js";

const style = styleFor("never", {
  env: {},
  stdout: { write: () => {}, drained: async () => {}, isTty: false, columns: undefined },
});
const head = ["race", "7.2 x86", "7.3 x86"];
const rows = [["pfncache against MADV_DONTNEED, user address without a slot", "breaks", "holds"]];

test("a table has a line for each row where there is room", () => {
  expect(table(head, rows, style, 100)).toBe(
    `  race${" ".repeat(57)}7.2 x86  7.3 x86\n  ${rows[0]![0]}  breaks   holds\n`,
  );
});

test("without it the first column is wrapped, and the others stay beside it", () => {
  expect(table(head, rows, style, 60)).toBe(
    [
      "  race                                  7.2 x86  7.3 x86",
      "  pfncache against MADV_DONTNEED, user  breaks   holds",
      "    address without a slot",
      "",
    ].join("\n"),
  );
});

test("in a very narrow window each row is a block of lines", () => {
  expect(table(head, rows, style, 30)).toBe(`  ${rows[0]![0]}\n    7.2 x86: breaks\n    7.3 x86: holds\n`);
});

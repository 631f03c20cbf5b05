import type { MarkdownRenderer } from "vitepress";

type Token = ReturnType<MarkdownRenderer["parse"]>[number];

/** Characters that the columns of a table may want side by side on a phone; a wider one becomes cards there. */
const FITS_A_PHONE = 38;
/** No column wants more than that: its text wraps. */
const MOST_OF_A_COLUMN = 24;

/**
 * A table that a phone is too narrow for is shown there as one card for each row: each cell says its column's name.
 * The style sheet does the rest.
 */
export function tableCards(markdown: MarkdownRenderer): void {
  markdown.core.ruler.push("table-cards", ({ tokens }) => {
    for (const [index, token] of tokens.entries())
      if (token.type === "table_open") labelCells(tokens.slice(index));
  });
}

function labelCells(tokens: readonly Token[]): void {
  const names: string[] = [];
  const widths: number[] = [];
  const cells: { readonly token: Token; readonly column: number }[] = [];
  let column = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.type === "table_close") break;
    if (token.type === "tr_open") column = 0;
    if (token.type !== "th_open" && token.type !== "td_open") continue;
    const text = textOf(tokens[index + 1]);
    if (token.type === "th_open") names.push(text);
    else cells.push({ token, column });
    widths[column] = Math.max(widths[column] ?? 0, Math.min(longest(token, text), MOST_OF_A_COLUMN));
    column++;
  }
  if (names.length < 3 || widths.reduce((sum, width) => sum + width + 3, 0) <= FITS_A_PHONE) return;
  for (const cell of cells) cell.token.attrSet("data-label", names[cell.column] ?? "");
}

/** A heading wraps at its words; what is in a cell wants its line. */
function longest(token: Token, text: string): number {
  return token.type === "td_open" ? text.length : Math.max(...text.split(" ").map((word) => word.length));
}

function textOf(inline: Token | undefined): string {
  return (inline?.children ?? []).map(({ content }) => content).join("");
}

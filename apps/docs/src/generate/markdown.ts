/** Text that is to be shown as it is, in a paragraph or a cell of a table. */
export function plain(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll("{{", "&#123;&#123;")
    .replace(/([|*_`[\]\\])/g, "\\$1")
    .replaceAll("\n", " ");
}

export function code(text: string): string {
  return `\`${text.replaceAll("|", "\\|")}\``;
}

/** A table; cells are Markdown. `toRight`: the columns of numbers. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  toRight: readonly boolean[] = [],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(head),
    line(head.map((_, i) => (toRight[i] === true ? "---:" : "---"))),
    ...rows.map(line),
  ].join("\n");
}

/**
 * Breaks text at blanks so that no line is wider than `width`, with `indent` before each line but the first. A word
 * that is wider than a line is broken.
 */
export function wrap(text: string, width: number, indent = ""): string {
  const room = Math.max(8, width - indent.length);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((part) => pieces(part, room))) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.join(`\n${indent}`);
}

/** A word that is wider than a line, broken behind an underscore or the like if it has one there. */
function pieces(word: string, room: number): string[] {
  const parts: string[] = [];
  let rest = word;
  while (rest.length > room) {
    const at = /^.*[_/.|,>-]/.exec(rest.slice(0, room))?.[0].length ?? 0;
    const length = at > room / 3 ? at : room;
    parts.push(rest.slice(0, length));
    rest = rest.slice(length);
  }
  parts.push(rest);
  return parts;
}

/** `label  text`, wrapped under the text. */
export function field(label: string, text: string, width: number, indent: string): string {
  const lead = `${indent}${label.padEnd(10)} `;
  return lead + wrap(text, width, " ".repeat(lead.length));
}

import { readdirSync, readFileSync } from "node:fs";
import { docs } from "../src/generate/workspace.js";

/** A fenced block of a page. */
export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  /** What follows the language: `run`, `output`, `file=x.yaml`. */
  readonly words: readonly string[];
  readonly body: string;
}

/** All fenced blocks of the pages that people have written, in order. */
export function blocks(): readonly Block[] {
  const files = readdirSync(`${docs}pages`, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".md"),
  );
  return files.sort().flatMap((page) => {
    const source = readFileSync(`${docs}pages/${page}`, "utf8");
    if (source.includes("Made by src/generate")) return [];
    return [...source.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].map(
      ({ 1: language, 2: words, 3: body, index }) => ({
        page,
        line: source.slice(0, index).split("\n").length,
        language: language!,
        words: words!.trim().split(/\s+/).filter(Boolean),
        body: body!,
      }),
    );
  });
}

/** Is this the text? A line of `...` stands for any number of lines, `...` within a line for anything. */
export function matches(text: string, pattern: string): boolean {
  const lines = pattern.trimEnd().split("\n");
  const source = lines
    .map((line) => (line.trim() === "..." ? "(?:.*\\n)*?" : `${escaped(line)}\\n`))
    .join("");
  return new RegExp(`^${source}$`).test(`${text.trimEnd()}\n`);
}

function escaped(line: string): string {
  return line
    .trimEnd()
    .split("...")
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*");
}

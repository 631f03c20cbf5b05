import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { docs } from "./workspace.js";

const NOTE = "<!-- Made by src/generate. Do not edit. -->";

/** Writes a file of this application if it is not so already: a server that watches it is not woken for nothing. */
export function write(path: string, content: string): void {
  const file = `${docs}${path}`;
  if (existsSync(file) && readFileSync(file, "utf8") === content) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Writes a page. What `lines` say is Markdown. */
export function writePage(path: string, lines: readonly string[], frontmatter: readonly string[] = []): void {
  const head = ["---", "editLink: false", ...frontmatter, "---", "", NOTE, ""];
  write(`pages/${path}`, `${[...head, ...lines].join("\n")}\n`);
}

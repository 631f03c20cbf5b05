import { readdirSync, readFileSync } from "node:fs";
import { plain, table } from "./markdown.js";
import { docs } from "./workspace.js";
import { write } from "./write.js";

/** A page of the folder of recipes. */
export interface Recipe {
  readonly title: string;
  readonly link: string;
  /** What its reader wants: completes "to ...". From the page's `to`. */
  readonly to: string;
}

/** Those that a reader meets first; whatever else is in the folder follows by its title. */
const first = [
  "review-a-patch",
  "explain-einval",
  "memory-layout",
  "decode-spe",
  "add-a-recording",
  "use-a-package",
];

/** Every page of the folder but its index. */
export const recipes: readonly Recipe[] = readdirSync(`${docs}pages/recipes`)
  .filter((file) => file.endsWith(".md") && file !== "index.md")
  .map((file) => file.replace(/\.md$/, ""))
  .map((name) => ({ ...headOf(`recipes/${name}`), rank: rank(name), link: `/recipes/${name}` }))
  .sort((a, b) => a.rank - b.rank || (a.title < b.title ? -1 : 1));

function rank(name: string): number {
  const place = first.indexOf(name);
  return place < 0 ? first.length : place;
}

function headOf(page: string): { title: string; to: string } {
  const source = readFileSync(`${docs}pages/${page}.md`, "utf8");
  const [, title = page] = /^# (.+)$/m.exec(source) ?? [];
  const [, to = ""] = /^---\n(?:.*\n)*?to: (.+)\n/.exec(source) ?? [];
  return { title: title.replaceAll("`", "").replace(/ *\{#[\w-]+\}$/, ""), to };
}

/** The table of the page about all of them. */
export function generateRecipes(): void {
  const rows = recipes.map(({ title, link, to }) => [plain(to), `[${plain(title)}](${link})`]);
  write("src/generated/recipes.md", `${table(["to", "read"], rows)}\n`);
}

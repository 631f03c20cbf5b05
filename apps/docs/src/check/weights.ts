import { existsSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { gzipSync } from "node:zlib";
import { budgets } from "./budgets.js";

/** What a page weighs, in bytes after compression. */
export interface Weight {
  /** What a browser fetches before the page is complete: its HTML, and the scripts and styles that it names. */
  readonly first: number;
  /** What the page itself asks for afterwards: figures, the editor, the model in its worker. */
  readonly later: number;
}

export function pageWeight(dist: string, base: string, page: string): Weight {
  const first = namedBy(dist, base, page);
  const later = new Set<string>();
  for (const own of [...first].filter((file) => !isOfEveryPage(file)))
    for (const file of mentioned(dist, own)) follow(dist, file, first, later);
  return {
    first: [page, ...first].reduce((sum, file) => sum + compressed(dist, file), 0),
    later: [...later].reduce((sum, file) => sum + compressed(dist, file), 0),
  };
}

/** VitePress's own: it asks for other pages as they are visited, and for the search as it is opened. */
function isOfEveryPage(file: string): boolean {
  return /^(app|theme|framework)\./.test(posix.basename(file));
}

function namedBy(dist: string, base: string, page: string): ReadonlySet<string> {
  const html = readFileSync(join(dist, page), "utf8");
  const urls = [
    ...html.matchAll(/<link rel="(?:modulepreload|preload stylesheet)" href="([^"]+)"/g),
    ...html.matchAll(/<script type="module" src="([^"]+)"/g),
  ];
  return new Set(urls.map(([, url]) => url!.slice(base.length)));
}

function follow(dist: string, file: string, first: ReadonlySet<string>, found: Set<string>): void {
  if (first.has(file) || found.has(file)) return;
  found.add(file);
  for (const next of mentioned(dist, file)) follow(dist, next, first, found);
}

/** The scripts and styles that a script names, wherever it does: what it imports, and what it may ask for. */
function mentioned(dist: string, file: string): readonly string[] {
  if (!file.endsWith(".js")) return [];
  const text = readFileSync(join(dist, file), "utf8");
  return [...text.matchAll(/["'`]([\w./-]+\.(?:js|css))["'`]/g)]
    .map(([, path]) =>
      path!.startsWith(".")
        ? posix.join(posix.dirname(file), path!)
        : path!.slice(Math.max(0, path!.indexOf("assets/"))),
    )
    .filter((path) => path.startsWith("assets/") && existsSync(join(dist, path)));
}

const sizes = new Map<string, number>();

function compressed(dist: string, file: string): number {
  const path = join(dist, file);
  let size = sizes.get(path);
  if (size === undefined) {
    size = gzipSync(readFileSync(path)).length;
    sizes.set(path, size);
  }
  return size;
}

/** Pages that weigh more than they may, compressed. */
export function weightProblems(dist: string, base: string, pages: readonly string[]): readonly string[] {
  return pages.flatMap((page) => {
    const most = budgetOf(page);
    const { first, later } = pageWeight(dist, base, page);
    return [
      ...tooMuch(page, "weighs", first, most.first),
      ...tooMuch(page, "asks later for", later, most.later),
    ];
  });
}

function tooMuch(page: string, does: string, bytes: number, most: number): readonly string[] {
  const kilobytes = Math.ceil(bytes / 1000);
  return kilobytes > most ? [`${page} ${does} ${kilobytes} kB, and may be ${most} kB`] : [];
}

function budgetOf(page: string) {
  return budgets[page] ?? (page.startsWith("reference/") ? budgets["reference/"]! : budgets["other"]!);
}

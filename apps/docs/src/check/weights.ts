import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { budgets } from "./budgets.js";

/** What a browser fetches before a page is complete: its HTML, and the scripts and styles that it names. */
export function pageWeight(dist: string, base: string, page: string): number {
  const html = readFileSync(join(dist, page), "utf8");
  const named = [
    ...html.matchAll(/<link rel="(?:modulepreload|preload stylesheet)" href="([^"]+)"/g),
    ...html.matchAll(/<script type="module" src="([^"]+)"/g),
  ].map(([, url]) => url!.slice(base.length));
  return [page, ...new Set(named)].reduce(
    (sum, file) => sum + gzipSync(readFileSync(join(dist, file))).length,
    0,
  );
}

/** Pages that weigh more than they may, compressed. */
export function weightProblems(dist: string, base: string, pages: readonly string[]): readonly string[] {
  return pages.flatMap((page) => {
    const most =
      budgets[page] ?? (page.startsWith("reference/") ? budgets["reference/"]! : budgets["other"]!);
    const kilobytes = Math.ceil(pageWeight(dist, base, page) / 1000);
    return kilobytes > most ? [`${page} weighs ${kilobytes} kB, and may weigh ${most} kB`] : [];
  });
}

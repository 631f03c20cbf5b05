import type { PageList } from "../format/page-list.js";

/** Collects page numbers, in any order, into a page list. */
export class PageRuns {
  readonly #pages: number[] = [];

  add(page: number): void {
    this.#pages.push(page);
  }

  list(): PageList {
    const sorted = [...new Set(this.#pages)].sort((a, b) => a - b);
    const runs: [number, number][] = [];
    for (const page of sorted) {
      const last = runs[runs.length - 1];
      if (last !== undefined && last[1] === page) last[1] = page + 1;
      else runs.push([page, page + 1]);
    }
    return runs;
  }
}

/** Collects pages under a description each, in the order in which the descriptions first occurred. */
export class GroupedPages<D> {
  readonly #groups = new Map<string, { readonly description: D; readonly pages: PageRuns }>();

  add(description: D, page: number): void {
    const key = JSON.stringify(description);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { description, pages: new PageRuns() };
      this.#groups.set(key, group);
    }
    group.pages.add(page);
  }

  /** Each description with its pages; undefined when there is none. */
  list(): readonly (D & { readonly pages: PageList })[] | undefined {
    if (this.#groups.size === 0) return undefined;
    return [...this.#groups.values()].map(({ description, pages }) => ({
      ...description,
      pages: pages.list(),
    }));
  }
}

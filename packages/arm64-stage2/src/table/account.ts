import type { Stage2 } from "../stage2.js";
import { isCounted, isTable } from "../walk/entry.js";
import { TableError } from "./errors.js";
import type { TablePage } from "./table-page.js";

/**
 * Are all table pages where they should be? Each is reached once, from the first level or from one of the tables that are
 * out of the tree and wait to be freed; and it has a reference for each entry that is not 0, and one more. Not an
 * access.
 * @throws TableError that says what is wrong: a leak, or an early free
 */
export function checkTablePages(pgt: Stage2, unlinked: Iterable<readonly [TablePage, number]> = []): void {
  const seen = new Set<TablePage>();
  const pgd = pgt.pgd.peek();
  if (pgd !== null) visit(pgt, pgd, pgt.startLevel, seen);
  for (const [page, level] of unlinked) visit(pgt, page, level + 1, seen);
  for (const page of pgt.tables.live()) {
    if (!seen.has(page))
      throw new TableError("leak", page, `no entry points to ${page.name} any more, and it is not freed`);
  }
}

function visit(pgt: Stage2, page: TablePage, level: number, seen: Set<TablePage>): void {
  seen.add(page);
  const words = page.peekWords();
  const entries = pgt.geometry.ptrsPerPte;
  for (let part = 0; part < page.pages; part++) {
    let counted = 1;
    for (let index = part * entries; index < (part + 1) * entries; index++) {
      const lo = words[2 * index]!;
      const hi = words[2 * index + 1]!;
      if (!isCounted(lo, hi)) continue;
      counted++;
      if (isTable(lo, level)) visit(pgt, pgt.tables.find(page, index, lo, hi), level + 1, seen);
    }
    const count = page.peekCount(part);
    if (count === counted) continue;
    const kind = count > counted ? "leak" : "early free";
    throw new TableError(
      kind,
      page,
      `${page.name} has ${count} references, and ${counted - 1} entries that hold one`,
    );
  }
}

import { type Hva, PAGE_SIZE } from "./addresses.js";
import { Inode } from "./file.js";
import { leafAt } from "./leaf.js";
import { isolateLru, migratePage } from "./migrate.js";
import { PageFlag } from "./page-flags.js";
import { ptePfn, ptePresent } from "./pte.js";
import type { Task } from "./task.js";

/**
 * Compaction of the folios behind a range of the task's memory, as if it needed just their place: where free memory lies
 * is not modelled, so that it is for the caller to say what has to move. isolate_migratepages_block() leaves out private
 * pages with more references than mappings, which are pinned, and those of files that nobody may move;
 * migrate_pages() moves the others within their node.
 * @returns folios moved
 */
export function compactRange({ mm }: Task, start: Hva, end: Hva): number {
  const { host } = mm;
  const { frames } = host;
  host.lru.drain();
  let moved = 0;
  let previous = 0;
  for (let at = start; at < end; at += PAGE_SIZE) {
    const leaf = leafAt(mm, at);
    if (leaf === null || !ptePresent(leaf.pte)) continue;
    const folio = frames.folio(ptePfn(leaf.pte));
    if (folio === previous) continue;
    previous = folio;
    const owner = frames.mapping(folio);
    const isAnon = frames.test(folio, PageFlag.anon);
    if (isAnon && frames.refcount.get(folio) > frames.mapcount.get(folio)) continue;
    if (owner instanceof Inode && owner.traits.inaccessible) continue;
    if (isolateLru(host, folio) && migratePage(host, folio, frames.nodeOf(folio))) moved++;
  }
  return moved;
}

import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "./addresses.js";
import { Inode } from "./file.js";
import type { Host } from "./host.js";
import { leafAt, leafPage } from "./leaf.js";
import { isolateLru } from "./migrate.js";
import { migratePages } from "./migrate-list.js";
import { PageFlag } from "./page-flags.js";
import { ptePresent } from "./pte.js";
import type { Task } from "./task.js";

/** COMPACT_CLUSTER_MAX: pages that are isolated at a time. */
const CLUSTER_MAX = 32;

/**
 * compact_zone() of the folios behind a range of the task's memory, as if it needed just their place: where free memory
 * lies is not modelled, so that it is for the caller to say what has to move. Each moves within its node
 * (migrate_pages(), which waits).
 * @returns folios moved
 */
export function compactRange({ mm }: Task, start: Hva, end: Hva): number {
  const { host } = mm;
  const { frames } = host;
  host.lru.drain();
  let moved = 0;
  for (let at = start; at < end; ) {
    const isolated = new Set<Pfn>();
    for (; at < end && isolated.size < CLUSTER_MAX; at += PAGE_SIZE) {
      const leaf = leafAt(mm, at);
      if (leaf === null || !ptePresent(leaf.pte)) continue;
      const folio = frames.folio(leafPage(leaf, at));
      if (mayIsolate(host, folio) && isolateLru(host, folio)) isolated.add(folio);
    }
    const moves = [...isolated].map((folio) => ({ folio, node: frames.nodeOf(folio) }));
    moved += moves.length - migratePages(host, moves);
  }
  return moved;
}

/**
 * isolate_migratepages_block(): not huge pages, whose places are as large as any that is wanted, nor private pages with
 * more references than mappings, which are pinned, nor those of files that nobody may move. What is locked (mlock) may
 * move (vm.compact_unevictable_allowed).
 */
function mayIsolate({ frames }: Host, folio: Pfn): boolean {
  if (frames.order(folio) !== 0) return false;
  const owner = frames.mapping(folio);
  if (owner instanceof Inode) return !owner.traits.inaccessible;
  return !frames.test(folio, PageFlag.anon) || frames.refcount.get(folio) <= frames.mapcount.get(folio);
}

nameFunctions({
  compact_zone: compactRange,
  isolate_migratepages_block: mayIsolate,
});

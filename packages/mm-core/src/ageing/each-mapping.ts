import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { type Leaf, leafAt, leafPage } from "../leaf.js";
import type { Mm } from "../mm.js";
import { PageFlag } from "../page-flags.js";
import { ptePresent } from "../pte.js";
import { rmapWalk } from "../rmap.js";
import { leafSize } from "./clear-young.js";

/**
 * rmap_walk() of the folio that a frame belongs to, if it is on the LRU and nobody has locked it: each entry that maps
 * it or a page of it, under page_table_lock, until `visit` says that it has seen enough.
 */
export function eachMapping(
  host: Host,
  page: Pfn,
  visit: (mm: Mm, leaf: Leaf, address: Hva) => boolean,
): void {
  const { frames } = host;
  if (!frames.tryGet(page)) return;
  const folio = frames.folio(page);
  if (frames.test(folio, PageFlag.lru) && frames.mapcount.get(folio) > 0 && frames.trylock(folio)) {
    for (const { vma, address, end } of rmapWalk(host, folio)) {
      const { mm } = vma;
      mm.pageTableLock.lock();
      let goesOn = true;
      for (let at = address; goesOn && at < end; ) {
        const leaf = leafAt(mm, at);
        const next = leaf === null ? at + PAGE_SIZE : at - (at % leafSize(leaf)) + leafSize(leaf);
        const maps = leaf !== null && ptePresent(leaf.pte) && frames.folio(leafPage(leaf, at)) === folio;
        if (maps) goesOn = visit(mm, leaf, at);
        at = next;
      }
      mm.pageTableLock.unlock();
      if (!goesOn) break;
    }
    frames.unlock(folio);
  }
  frames.put(page);
}

import type { Hva, Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import type { Leaf } from "../leaf.js";
import type { Mm } from "../mm.js";
import { pageVmaMappedWalk } from "../page-vma-mapped-walk.js";
import { folioTestLru } from "../reclaim/evictable.js";
import { rmapWalk } from "../rmap.js";

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
  if (folioTestLru(frames, folio) && frames.mapcount.get(folio) > 0 && frames.trylock(folio)) {
    for (const place of rmapWalk(host, folio)) {
      const { mm } = place.vma;
      mm.pageTableLock.lock();
      const goesOn = pageVmaMappedWalk(host, folio, place).every(({ leaf, address }) =>
        visit(mm, leaf, address),
      );
      mm.pageTableLock.unlock();
      if (!goesOn) break;
    }
    frames.unlock(folio);
  }
  frames.put(page);
}

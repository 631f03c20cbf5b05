import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "./addresses.js";
import { Inode } from "./file.js";
import type { Host } from "./host.js";
import { NotModelled } from "./not-modelled.js";
import { PageFlag } from "./page-flags.js";
import { isMaybeDmaPinned } from "./pin.js";
import { splitFolio } from "./thp/split-folio.js";
import { isLazyFree, tryToUnmap } from "./try-to-unmap.js";

/**
 * reclaim_pages(), shrink_folio_list() of one isolated folio, whether it was referenced or not: to swap, or dropped if
 * it was given up. The isolation's reference goes.
 */
export function reclaimFolio(host: Host, folio: Pfn): void {
  const { frames } = host;
  frames.lock(folio);
  const owner = frames.mapping(folio);
  const fate = owner instanceof Inode ? reclaimFilePage(host, folio, owner) : reclaimAnon(host, folio);
  frames.unlock(folio);
  host.store.trace("shrink_folio_list", () => `frame ${folio}: ${fate ?? "kept"}`);
  if (fate === null) frames.mark(folio, PageFlag.lru);
  frames.put(folio);
}

/** A private folio needs its slots before it is unmapped. @returns what became of it; null: it stays */
function reclaimAnon(host: Host, folio: Pfn): string | null {
  const { frames, swap } = host;
  const pages = frames.pagesOf(folio);
  if (isLazyFree(host, folio)) {
    tryToUnmap(host, folio, { slot: 0 });
    return isUnused(host, folio, 1) && !frames.test(folio, PageFlag.dirty) ? "dropped" : null;
  }
  // What a device may be writing to stays.
  if (isMaybeDmaPinned(frames, folio)) return null;
  // folio_expected_ref_count(): a large folio that somebody else holds could not be split.
  if (pages > 1 && frames.refcount.get(folio) !== 1 + frames.mapcount.get(folio)) return null;
  const slot = swap.take(Array.from({ length: pages }, (_, page) => frames.word.get(folio + page)));
  if (slot === 0) return pages > 1 ? reclaimSplit(host, folio, pages) : null;
  tryToUnmap(host, folio, { slot });
  const gone = isUnused(host, folio, 1);
  for (let page = 0; page < pages; page++) swap.put(slot + page);
  return gone ? `to swap slot ${slot}` : null;
}

/** split_folio_to_list(): there is no room for all of it in one piece, so that its pages go one by one. */
function reclaimSplit(host: Host, folio: Pfn, pages: number): string | null {
  if (!splitFolio(host, folio)) return null;
  const fate = reclaimAnon(host, folio);
  for (let page = folio + 1; page < folio + pages; page++)
    if (host.frames.tryGet(page)) reclaimFolio(host, page);
  return fate;
}

/** A file's page needs its slot only when it is written out. */
function reclaimFilePage(host: Host, pfn: Pfn, inode: Inode): string | null {
  const { frames, swap } = host;
  if (frames.order(pfn) !== 0) throw new NotModelled("reclaim of a large folio of a file");
  const index = frames.index.get(pfn);
  tryToUnmap(host, pfn, { slot: 0 });
  if (frames.mapcount.get(pfn) !== 0 || isMaybeDmaPinned(frames, pfn)) return null;
  const slot = swap.take([frames.word.get(pfn)]);
  if (slot === 0) return null;
  const gone = isUnused(host, pfn, 2);
  if (gone) {
    // shmem_writeout(): the file remembers the slot.
    inode.pages.set(index, 0);
    inode.swapped.set(index, slot);
    swap.get(slot);
    frames.setMapping(pfn, null, 0);
    frames.put(pfn);
  }
  swap.put(slot);
  return gone ? `to swap slot ${slot}` : null;
}

/** __remove_mapping(): nothing maps it, and only so many hold it still: the isolation, and the page cache. */
function isUnused({ frames }: Host, folio: Pfn, references: number): boolean {
  return frames.mapcount.get(folio) === 0 && frames.refcount.get(folio) === references;
}

/** may_enter_fs and so on aside: can a page be written to swap at all? */
export function isReclaimable(host: Host, pfn: Pfn): boolean {
  const owner = host.frames.mapping(pfn);
  return (
    !host.frames.test(pfn, PageFlag.unevictable) && (!(owner instanceof Inode) || owner.traits.swapbacked)
  );
}

nameFunctions({
  reclaim_pages: reclaimFolio,
  split_folio_to_list: reclaimSplit,
  __remove_mapping: isUnused,
});

import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import { Inode } from "../file.js";
import type { Host } from "../host.js";
import { putbackLru } from "../migrate.js";
import { NotModelled } from "../not-modelled.js";
import { PageFlag } from "../page-flags.js";
import { isMaybeDmaPinned } from "../pin.js";
import type { SwapSlot } from "../swap.js";
import { isPartiallyMapped } from "../thp/deferred-split.js";
import { splitFolio } from "../thp/split-folio.js";
import { isLazyFree, tryToUnmap } from "../try-to-unmap.js";
import { folioCheckReferences } from "./check-references.js";
import { folioEvictable } from "./evictable.js";

/** What becomes of a folio: it is freed, it stays where it was, or it stays and counts as in use. */
export type Fate = "freed" | "keep" | "activate";

/** reclaim_pages(): isolated folios are reclaimed whether they were used or not; those that are unevictable are put back. */
export function reclaimPages(host: Host, isolated: readonly Pfn[]): void {
  const evictable = isolated.filter((folio) => folioEvictable(host, folio));
  for (const folio of isolated) {
    if (evictable.includes(folio)) host.frames.mark(folio, 0, PageFlag.active);
    else putbackLru(host, folio);
  }
  shrinkFolioList(host, evictable, true);
}

/**
 * shrink_folio_list() of isolated folios: those that were used stay, the others go to swap, or are dropped if nobody
 * wants their contents. The isolation's references go.
 * @param ignoreReferences those that were used go too
 */
export function shrinkFolioList(host: Host, folios: readonly Pfn[], ignoreReferences: boolean): void {
  const { frames } = host;
  // What a split leaves comes next, the last page first.
  const list = folios.toReversed();
  for (let folio = list.pop(); folio !== undefined; folio = list.pop()) {
    const taken = folio;
    const isLocked = frames.trylock(taken);
    const fate = isLocked ? shrinkFolio(host, taken, ignoreReferences, list) : "keep";
    host.store.trace("shrink_folio_list", () => `frame ${taken}: ${WORDS[fate]}`);
    if (fate === "activate" && !host.lruGenEnabled.get()) frames.mark(taken, PageFlag.active);
    if (isLocked) frames.unlock(taken);
    if (fate === "freed") frames.put(taken);
    else putbackLru(host, taken);
  }
}

const WORDS: Readonly<Record<Fate, string>> = {
  freed: "reclaimed",
  keep: "kept",
  activate: "kept, as one in use",
};

/** The body of the loop. @param list takes what a split leaves */
function shrinkFolio(host: Host, folio: Pfn, ignoreReferences: boolean, list: Pfn[]): Fate {
  if (!folioEvictable(host, folio)) return "activate";
  const references = ignoreReferences ? "reclaim" : folioCheckReferences(host, folio);
  if (references !== "reclaim") return references;
  const owner = host.frames.mapping(folio);
  if (owner instanceof Inode) return reclaimShmem(host, folio, owner);
  if (isLazyFree(host, folio)) return reclaimLazyFree(host, folio);
  return reclaimAnon(host, folio, list);
}

/** What MADV_FREE gave up needs no slot. */
function reclaimLazyFree(host: Host, folio: Pfn): Fate {
  const { frames } = host;
  if (!unmapAll(host, folio, 0)) return "activate";
  if (frames.test(folio, PageFlag.dirty)) return "activate";
  return frames.refcount.get(folio) === 1 ? "freed" : "keep";
}

/** A private folio needs its slots before it is unmapped. */
function reclaimAnon(host: Host, folio: Pfn, list: Pfn[]): Fate {
  const { frames, swap } = host;
  // What a device may be writing to stays.
  if (isMaybeDmaPinned(frames, folio)) return "keep";
  const pages = frames.pagesOf(folio);
  if (pages > 1) {
    // folio_expected_ref_count(): a large folio that somebody else holds could not be split.
    if (frames.refcount.get(folio) !== 1 + frames.mapcount.get(folio)) return "activate";
    if (isPartiallyMapped(host, folio))
      return splitToList(host, folio, list) ? reclaimAnon(host, folio, list) : "activate";
  }
  const slot = swap.take(pages);
  // There is no room for all of it in one piece: its pages go one by one.
  if (slot === 0)
    return pages > 1 && splitToList(host, folio, list) ? reclaimAnon(host, folio, list) : "activate";
  const isUnmapped = unmapAll(host, folio, slot);
  // pageout()
  for (let page = 0; page < pages; page++) swap.write(slot + page, frames.word.get(folio + page));
  // __remove_mapping(): only the isolation holds it still.
  const isFree = isUnmapped && frames.refcount.get(folio) === 1;
  for (let page = 0; page < pages; page++) swap.put(slot + page);
  if (isFree) return "freed";
  return isUnmapped ? "keep" : "activate";
}

/** pageout() of shared memory: a page needs its slot only when it is written out, and none while nobody has written to it. */
function reclaimShmem(host: Host, pfn: Pfn, inode: Inode): Fate {
  const { frames, swap } = host;
  if (frames.order(pfn) !== 0) throw new NotModelled("reclaim of a large folio of shared memory");
  const index = frames.index.get(pfn);
  if (!unmapAll(host, pfn, 0)) return "activate";
  // pageout(): only the isolation and the page cache hold it still.
  if (frames.refcount.get(pfn) !== 2) return "keep";
  const isClean = !frames.test(pfn, PageFlag.dirty) && frames.test(pfn, PageFlag.uptodate);
  const slot = isClean ? 0 : swap.take(1);
  if (!isClean && slot === 0) return "activate";
  // shmem_writeout(): the file remembers the slot.
  inode.pages.set(index, 0);
  if (slot !== 0) {
    swap.write(slot, frames.word.get(pfn));
    inode.swapped.set(index, slot);
  }
  frames.setMapping(pfn, null, 0);
  frames.put(pfn);
  return "freed";
}

/** Out of every mapping; what a device may be writing to stays. @returns did all of them let go of it, for good? */
function unmapAll(host: Host, folio: Pfn, slot: SwapSlot): boolean {
  const { frames } = host;
  if (frames.mapcount.get(folio) > 0) tryToUnmap(host, folio, { slot });
  return frames.mapcount.get(folio) === 0 && !isMaybeDmaPinned(frames, folio);
}

/** split_folio_to_list(): each page of it becomes a folio of its own; the first is the caller's. */
function splitToList(host: Host, folio: Pfn, list: Pfn[]): boolean {
  const { frames } = host;
  const pages = frames.pagesOf(folio);
  if (!splitFolio(host, folio)) return false;
  for (let page = folio + 1; page < folio + pages; page++) if (frames.tryGet(page)) list.push(page);
  return true;
}

nameFunctions({
  reclaim_pages: reclaimPages,
  shrink_folio_list: shrinkFolioList,
  pageout: reclaimShmem,
  split_folio_to_list: splitToList,
});

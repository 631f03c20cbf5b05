import { nameFunctions } from "@kvmm/interleave";
import type { Pfn, Pgoff } from "./addresses.js";
import type { Inode } from "./file.js";
import { filemapLockFolio, filemapRemoveFolio, unmapMappingRange } from "./filemap.js";
import { PageFlag } from "./page-flags.js";
import { splitFolio } from "./thp/split-folio.js";
import { tryToUnmapPiece } from "./try-to-unmap.js";

/**
 * truncate_inode_pages_range(), shmem_undo_range(): every cached page in `[start, end)` is unmapped (unmap_mapping_folio)
 * and leaves the cache. A large folio that goes only in part is split for that.
 */
export function truncateInodePagesRange(inode: Inode, start: Pgoff, end: Pgoff): void {
  truncateWholeFolios(inode, start, end);
  if (inode.traits.largeFolios !== true) return;
  let from = start;
  let to = end;
  const first = truncatePartialFolio(inode, start, start, end);
  if (first?.stays === true) {
    from = first.end;
    if (end <= first.end) to = first.index;
  }
  if (first === null || end > first.end) {
    const last = truncatePartialFolio(inode, end - 1, start, end);
    if (last?.stays === true) to = last.index;
  }
  truncateWholeFolios(inode, from, to);
}

/** The folios that lie wholly within the range. */
function truncateWholeFolios(inode: Inode, start: Pgoff, end: Pgoff): void {
  const { frames } = inode.host;
  for (let index = inode.pages.next(start, end); index >= 0; index = inode.pages.next(index + 1, end)) {
    const pfn = filemapLockFolio(inode, index);
    if (pfn === null) continue;
    const folio = frames.folio(pfn);
    const head = index - (pfn - folio);
    const size = frames.pagesOf(folio);
    if (head >= start && head + size <= end) truncateInodeFolio(inode, head, folio, size);
    frames.unlock(folio);
    frames.put(folio);
    index = head + size - 1;
  }
}

/** truncate_inode_folio() of a locked one */
function truncateInodeFolio(inode: Inode, index: Pgoff, folio: Pfn, size: number): void {
  if (inode.host.frames.mapcount.get(folio) > 0) unmapMappingRange(inode, index, index + size, false);
  filemapRemoveFolio(inode, index, folio);
}

/** A folio that was there. */
interface PartialFolio {
  readonly index: Pgoff;
  readonly end: Pgoff;
  /** It could not be split: its pages stay, empty. */
  readonly stays: boolean;
}

/**
 * truncate_inode_partial_folio() of the large folio at an index, if there is one: what of it lies in `[start, end)` is
 * zeroed, and it is split at both ends of that, so that its pages can go.
 */
function truncatePartialFolio(inode: Inode, at: Pgoff, start: Pgoff, end: Pgoff): PartialFolio | null {
  const { host } = inode;
  const { frames } = host;
  const pfn = filemapLockFolio(inode, at);
  if (pfn === null) return null;
  const folio = frames.folio(pfn);
  const index = at - (pfn - folio);
  const size = frames.pagesOf(folio);
  const from = Math.max(index, start);
  const to = Math.min(index + size, end);
  for (let page = from; page < to; page++) frames.word.set(folio + (page - index), 0);
  frames.mark(folio, PageFlag.dirty);
  const splits = size > 1 && splitFolio(host, folio);
  if (splits && to < index + size) splitAgain(inode, index, folio, from - index, to - index);
  frames.unlock(folio);
  frames.put(folio);
  return { index, end: index + size, stays: size > 1 && !splits };
}

/**
 * folio_split() leaves, around the page at which it splits, folios as large as they can be. The model has only small ones,
 * but the one that holds `second` is split by the kernel in its turn, and unmapped for that.
 */
function splitAgain(inode: Inode, index: Pgoff, folio: Pfn, first: number, second: number): void {
  const size = 2 ** Math.floor(Math.log2(first ^ second));
  const piece = second - (second % size);
  if (size > 1) tryToUnmapPiece(inode, index + piece, folio + piece, size);
}

nameFunctions({
  truncate_inode_pages_range: truncateInodePagesRange,
  truncate_inode_folio: truncateInodeFolio,
  truncate_inode_partial_folio: truncatePartialFolio,
  folio_split: splitAgain,
});

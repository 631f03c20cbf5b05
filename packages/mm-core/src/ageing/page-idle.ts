import { PAGE_SIZE, type Pfn } from "../addresses.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { folioTestLru } from "../reclaim/evictable.js";
import { clearYoungNotify, leafSize } from "./clear-young.js";
import { eachMapping } from "./each-mapping.js";

/** page_idle_get_folio(): only the first page of a folio on the LRU stands for it. */
function isTracked({ frames }: Host, page: Pfn): boolean {
  return frames.folio(page) === page && folioTestLru(frames, page);
}

/** page_idle_clear_pte_refs(): whoever maps the folio, secondary MMUs included, forgets that it was used. */
function clearReferences(host: Host, folio: Pfn): void {
  eachMapping(host, folio, (mm, leaf, address) => {
    const size = leaf.table.level === 0 ? PAGE_SIZE : leafSize(leaf);
    const start = address - (address % size);
    if (clearYoungNotify(mm, [leaf], start, start + size, "page_idle_clear_pte_refs_one"))
      host.frames.mark(folio, PageFlag.young, PageFlag.idle);
    return true;
  });
}

/** page_idle_bitmap_write(): the frames whose bits are set count as idle from here on. */
export function pageIdleBitmapWrite(host: Host, frames: readonly Pfn[]): void {
  for (const page of frames) {
    if (!isTracked(host, page)) continue;
    clearReferences(host, page);
    host.frames.mark(page, PageFlag.idle);
  }
}

/** page_idle_bitmap_read(). @returns is the frame idle: marked so, and not used since? */
export function pageIdleBitmapRead(host: Host, page: Pfn): boolean {
  if (!isTracked(host, page) || !host.frames.test(page, PageFlag.idle)) return false;
  clearReferences(host, page);
  return host.frames.test(page, PageFlag.idle);
}

import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import type { Frames } from "../frames.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { pageVmaMappedWalk } from "../page-vma-mapped-walk.js";
import { rmapWalk } from "../rmap.js";
import { VmFlag } from "../vma.js";

/** folio_test_lru(): the folio is on a list of the LRU, or of what is unevictable. hugetlb's never are. */
export function folioTestLru(frames: Frames, pfn: Pfn): boolean {
  return frames.test(pfn, PageFlag.lru) && !frames.test(pfn, PageFlag.hugetlb);
}

/** folio_evictable(): neither its file nor a mapping keeps it from being reclaimed. */
export function folioEvictable(host: Host, folio: Pfn): boolean {
  return !host.frames.test(folio, PageFlag.unevictable) && !isMlocked(host, folio);
}

/**
 * folio_test_mlocked(): a mapping that is locked has all of the folio. The kernel counts this as mappings come and go;
 * here they are asked.
 */
export function isMlocked(host: Host, folio: Pfn): boolean {
  const { frames } = host;
  if (frames.mapcount.get(folio) === 0) return false;
  const pages = frames.pagesOf(folio);
  return rmapWalk(host, folio).some((place) => {
    if ((place.vma.fields.flags & VmFlag.locked) === 0) return false;
    const entries = pageVmaMappedWalk(host, folio, place);
    return entries.length === pages || (entries[0]?.leaf.table.level ?? 0) > 0;
  });
}

nameFunctions({
  folio_evictable: folioEvictable,
  folio_test_mlocked: isMlocked,
});

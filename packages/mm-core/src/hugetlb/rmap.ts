import type { Pfn, Pgoff } from "../addresses.js";
import type { Frames } from "../frames.js";
import { PageFlag } from "../page-flags.js";
import type { Vma } from "../vma.js";

/** hugetlb_add_new_anon_rmap(): the first mapping of a page of a private mapping. */
export function hugetlbAddNewAnonRmap(vma: Vma, folio: Pfn, pgoff: Pgoff): void {
  const { frames } = vma.mm.host;
  frames.setMapping(folio, vma.anonVma.get(), pgoff);
  frames.mark(folio, PageFlag.anon | PageFlag.anonExclusive, PageFlag.restoreReserve);
  hugetlbAddRmap(frames, folio);
}

/** hugetlb_add_file_rmap(), hugetlb_add_anon_rmap(): huge pages are only ever mapped whole. */
export function hugetlbAddRmap(frames: Frames, folio: Pfn): void {
  frames.entireMapcount.add(folio, 1);
  frames.mapcount.add(folio, 1);
}

/** hugetlb_remove_rmap() */
export function hugetlbRemoveRmap(frames: Frames, folio: Pfn): void {
  frames.entireMapcount.add(folio, -1);
  frames.mapcount.add(folio, -1);
}

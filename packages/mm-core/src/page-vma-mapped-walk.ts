import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "./addresses.js";
import type { Host } from "./host.js";
import { type Leaf, leafAt, leafPage } from "./leaf.js";
import { ENTRY_SIZE } from "./page-table.js";
import { ptePresent } from "./pte.js";
import type { Mapping } from "./rmap.js";

/** An entry that maps a folio, or a page of it. */
export interface MappedEntry {
  readonly leaf: Leaf;
  readonly address: Hva;
}

/** page_vma_mapped_walk(): the entries by which a mapping maps a folio, in order. Under page_table_lock. */
export function pageVmaMappedWalk(
  { frames }: Host,
  folio: Pfn,
  { vma, address, end }: Mapping,
): readonly MappedEntry[] {
  const entries: MappedEntry[] = [];
  for (let at = address; at < end; ) {
    const leaf = leafAt(vma.mm, at);
    const size = leaf === null ? PAGE_SIZE : ENTRY_SIZE[leaf.table.level];
    if (leaf !== null && ptePresent(leaf.pte) && frames.folio(leafPage(leaf, at)) === folio)
      entries.push({ leaf, address: at });
    at = at - (at % size) + size;
  }
  return entries;
}

nameFunctions({
  page_vma_mapped_walk: pageVmaMappedWalk,
});

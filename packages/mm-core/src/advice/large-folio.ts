import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import { type Leaf, leafAt } from "../leaf.js";
import { ptePfn, ptePresent } from "../pte.js";
import { splitFolio } from "../thp/split-folio.js";
import type { Vma } from "../vma.js";

/** madvise_folio_pte_batch(): how many entries from `at` on map the pages of its folio one after the other. */
export function folioPteBatch({ mm }: Vma, { pte }: Leaf, at: Hva, end: Hva): number {
  const { frames } = mm.host;
  const first = ptePfn(pte);
  const last = frames.folio(first) + frames.pagesOf(first);
  let entries = 1;
  while (first + entries < last && at + entries * PAGE_SIZE < end) {
    const leaf = leafAt(mm, at + entries * PAGE_SIZE);
    if (leaf === null || !ptePresent(leaf.pte) || ptePfn(leaf.pte) !== first + entries) break;
    entries++;
  }
  return entries;
}

/**
 * split_folio() of a folio of which an advice is about a part. Under page_table_lock, which is let go of meanwhile.
 * @param waits for whoever has locked the folio; else it stays as it is
 */
export function splitAdvised({ mm }: Vma, folio: Pfn, waits = false): boolean {
  const { frames } = mm.host;
  if (!waits && !frames.trylock(folio)) return false;
  frames.get(folio);
  mm.pageTableLock.unlock();
  if (waits) frames.lock(folio);
  const split = splitFolio(mm.host, folio);
  frames.unlock(folio);
  frames.put(folio);
  mm.pageTableLock.lock();
  return split;
}

nameFunctions({
  madvise_folio_pte_batch: folioPteBatch,
  split_folio: splitAdvised,
});

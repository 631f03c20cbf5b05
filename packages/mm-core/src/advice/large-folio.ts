import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import { type Leaf, leafAt } from "../leaf.js";
import { ptePfn, ptePresent } from "../pte.js";
import { isMaybeMappedShared } from "../rmap.js";
import { splitFolio } from "../thp/split-folio.js";
import type { Vma } from "../vma.js";

/**
 * What an advice about a range finds at an entry: `entries` of a folio, of which the range maps all or, with `isWhole`
 * false, a part that has to be left alone. A large folio that could be split counts for nothing: its page comes next.
 */
export function advisedFolio(
  vma: Vma,
  leaf: Leaf,
  at: Hva,
  end: Hva,
): { readonly entries: number; readonly isWhole: boolean } {
  const { frames } = vma.mm.host;
  const folio = frames.folio(ptePfn(leaf.pte));
  const pages = frames.pagesOf(folio);
  const entries = pages === 1 ? 1 : folioPteBatch(vma, leaf, at, end);
  if (entries === pages) return { entries, isWhole: true };
  const split = !isMaybeMappedShared(frames, folio) && splitAdvised(vma, folio);
  return { entries: split ? 0 : entries, isWhole: false };
}

/** madvise_folio_pte_batch(): how many entries from `at` on map the pages of its folio one after the other. */
function folioPteBatch({ mm }: Vma, { pte }: Leaf, at: Hva, end: Hva): number {
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

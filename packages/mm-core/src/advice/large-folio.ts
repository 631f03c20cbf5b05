import { nameFunctions } from "@kvmm/interleave";
import type { Hva, Pfn } from "../addresses.js";
import { folioPteBatch } from "../folio-pte-batch.js";
import type { Leaf } from "../leaf.js";
import { ptePfn } from "../pte.js";
import { isMaybeMappedShared } from "../rmap.js";
import { splitFolio } from "../thp/split-folio.js";
import type { Vma } from "../vma.js";

/**
 * What an advice about a range finds at an entry: the entries of a folio, of which the range maps all or, with `isWhole`
 * false, a part that has to be left alone. A large folio that could be split has none: its page comes next.
 */
export function advisedFolio(
  vma: Vma,
  leaf: Leaf,
  at: Hva,
  end: Hva,
): { readonly entries: readonly Leaf[]; readonly isWhole: boolean } {
  const { frames } = vma.mm.host;
  const folio = frames.folio(ptePfn(leaf.pte));
  const entries = folioPteBatch(vma.mm, leaf, at, end);
  if (entries.length === frames.pagesOf(folio)) return { entries, isWhole: true };
  const split = !isMaybeMappedShared(frames, folio) && splitAdvised(vma, folio);
  return { entries: split ? [] : entries, isWhole: false };
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
  split_folio: splitAdvised,
});

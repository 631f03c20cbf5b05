import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE } from "./addresses.js";
import { type Leaf, leafAt } from "./leaf.js";
import type { Mm } from "./mm.js";
import { mkPte, PteFlag, pteChange, ptePfn } from "./pte.js";

const IGNORED = PteFlag.young | PteFlag.dirty | PteFlag.write;

/**
 * folio_pte_batch_flags(): the small entries, from the one at `at` on and before `end`, that map pages of its folio one after
 * the other. They are alike but for being young, dirty or writable. `end` lies within the table.
 */
export function folioPteBatch(mm: Mm, start: Leaf, at: Hva, end: Hva): readonly Leaf[] {
  const { frames } = mm.host;
  const { pte } = start;
  const first = ptePfn(pte);
  const flags = pteChange(pte, 0, IGNORED) - mkPte(first, 0);
  const most = Math.min((end - at) / PAGE_SIZE, frames.folio(first) + frames.pagesOf(first) - first);
  const batch = [start];
  for (let page = 1; page < most; page++) {
    const leaf = leafAt(mm, at + page * PAGE_SIZE);
    if (leaf === null || pteChange(leaf.pte, 0, IGNORED) !== mkPte(first + page, flags)) break;
    batch.push(leaf);
  }
  return batch;
}

nameFunctions({
  folio_pte_batch_flags: folioPteBatch,
});

import { nameFunctions } from "@kvmm/interleave";
import type { Pfn } from "../addresses.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { removeRmapPmd } from "../rmap.js";
import type { Vma } from "../vma.js";

/**
 * zap_huge_pmd(): takes a huge entry away. Under page_table_lock.
 * @param batch takes the page, which keeps the entry's reference
 */
export function zapHugePmd(vma: Vma, pmds: Table, pmdIndex: number, batch: Pfn[]): void {
  const { mm } = vma;
  const { frames } = mm.host;
  const pmd = pmds.get(pmdIndex);
  pmds.set(pmdIndex, 0);
  // A migration entry holds no reference, and the zero page is not counted.
  if (!ptePresent(pmd) || pteHas(pmd, PteFlag.special)) return;
  const folio = ptePfn(pmd);
  if (pteHas(pmd, PteFlag.dirty) && !frames.test(folio, PageFlag.anon)) frames.mark(folio, PageFlag.dirty);
  removeRmapPmd(frames, folio, mm);
  batch.push(folio);
}

nameFunctions({
  zap_huge_pmd: zapHugePmd,
});

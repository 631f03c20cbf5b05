import { nameFunctions } from "@kvmm/interleave";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import { addRmapPmd } from "../rmap.js";
import { isAnonymous, type Vma } from "../vma.js";

/**
 * copy_huge_pmd(), under the page_table_locks of both: the child maps the same huge page, and neither may write to it.
 * A huge page of a file is left to the child's faults.
 */
export function copyHugePmd(copy: Vma, target: Table, source: Table, index: number): void {
  const { mm } = copy;
  const { frames } = mm.host;
  if (!isAnonymous(copy.fields)) return;
  const pmd = source.get(index);
  if (ptePresent(pmd) && !pteHas(pmd, PteFlag.special)) {
    const folio = ptePfn(pmd);
    frames.get(folio);
    // folio_try_dup_anon_rmap_pmd()
    frames.mark(folio, 0, PageFlag.anonExclusive);
    addRmapPmd(frames, folio, mm);
  }
  if (pteHas(pmd, PteFlag.write)) source.set(index, pteChange(pmd, 0, PteFlag.write));
  const old = ptePresent(pmd) ? PteFlag.young : 0;
  target.set(index, pteChange(pmd, 0, PteFlag.write | PteFlag.uffdWp | old));
}

nameFunctions({
  copy_huge_pmd: copyHugePmd,
});

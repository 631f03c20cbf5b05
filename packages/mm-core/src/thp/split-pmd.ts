import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PMD_PAGES, PMD_SIZE } from "../addresses.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { pageProt } from "../prot.js";
import { mkPte, type Pte, PteFlag, pteHas, ptePfn } from "../pte.js";
import { addRmap, removeRmapPmd } from "../rmap.js";
import { isAnonymous, type Vma } from "../vma.js";
import { isHugeZeroPmd } from "./huge-zero-folio.js";

/** What entries keep when one becomes many. */
const KEPT = PteFlag.write | PteFlag.dirty | PteFlag.young | PteFlag.uffdWp;

/** __split_huge_pmd(): from here on small entries map what a huge one did, if one stands there. */
export function splitHugePmd(vma: Vma, address: Hva): void {
  const { mm } = vma;
  const haddr = address - (address % PMD_SIZE);
  const range = invalidateRangeStart(mm, haddr, haddr + PMD_SIZE, "CLEAR", "__split_huge_pmd");
  mm.pageTableLock.lock();
  splitHugePmdLocked(vma, haddr, false);
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
}

/**
 * split_huge_pmd_locked(), under page_table_lock and within a notifier. The page itself stays huge.
 * @param freeze make migration entries of what is mapped
 */
export function splitHugePmdLocked(vma: Vma, haddr: Hva, freeze: boolean): void {
  const { mm, fields } = vma;
  const { host } = mm;
  const { frames } = host;
  const pmds = mm.pmd(haddr);
  if (pmds === null) return;
  const pmdIndex = pmds.indexOf(haddr);
  const old = pmds.get(pmdIndex);
  if (old === 0) return;
  const folio = ptePfn(old);
  const kept = old & KEPT;
  const migrating = pteHas(old, PteFlag.migration);
  if (!isAnonymous(fields)) {
    pmds.set(pmdIndex, 0);
    if (migrating) return;
    if (pteHas(old, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
    removeRmapPmd(frames, folio, mm);
    frames.put(folio);
    return;
  }
  let entries: (index: number) => Pte;
  if (isHugeZeroPmd(old)) {
    // __split_huge_zero_page_pmd(): each entry maps the small zero page.
    const entry = mkPte(
      host.zeroPfn,
      pageProt(fields) | PteFlag.special | PteFlag.young | (old & PteFlag.uffdWp),
    );
    entries = () => entry;
  } else {
    const flags = freeze || migrating ? PteFlag.migration | kept : pageProt(fields) | kept;
    entries = (index) => mkPte(folio + index, flags);
  }
  // The table was set aside when the huge page was mapped (pgtable_trans_huge_withdraw()).
  const table = mm.newTable(0, haddr, entries);
  if (!migrating && !isHugeZeroPmd(old)) {
    if (pteHas(old, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
    if (frames.test(folio, PageFlag.anonExclusive)) frames.markTails(folio, PageFlag.anonExclusive);
    if (!freeze) {
      frames.getMany(folio, PMD_PAGES - 1);
      addRmap(frames, folio, mm, PMD_PAGES);
    }
    removeRmapPmd(frames, folio, mm);
    if (freeze) frames.put(folio);
  }
  pmds.setChild(pmdIndex, table);
  pmds.set(pmdIndex, 0);
  host.store.trace(
    "__split_huge_pmd",
    () => `the huge page at ${haddr.toString(16)} is mapped by small entries now`,
  );
}

/** split_huge_pmd_if_needed() */
function splitHugePmdIfNeeded(vma: Vma, address: Hva): void {
  if (address % PMD_SIZE === 0) return;
  const { start, end } = vma.fields;
  const haddr = address - (address % PMD_SIZE);
  if (haddr < start || haddr + PMD_SIZE > end) return;
  // split_huge_pmd_address(): whatever stands there, the notifier is raised as soon as there is a table of PMD entries.
  if (vma.mm.pmd(address) !== null) splitHugePmd(vma, address);
}

/** vma_adjust_trans_huge(): before the bounds of a mapping become `start` and `end`, which no huge entry may cross. */
export function vmaAdjustTransHuge(vma: Vma, start: Hva, end: Hva): void {
  splitHugePmdIfNeeded(vma, start);
  splitHugePmdIfNeeded(vma, end);
}

nameFunctions({
  __split_huge_pmd: splitHugePmd,
  split_huge_pmd_locked: splitHugePmdLocked,
  split_huge_pmd_if_needed: splitHugePmdIfNeeded,
  vma_adjust_trans_huge: vmaAdjustTransHuge,
});

import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE } from "../addresses.js";
import type { Leaf } from "../leaf.js";
import type { Mm } from "../mm.js";
import type { AgeingSite } from "../notifier-sites.js";
import { ENTRY_SIZE } from "../page-table.js";
import { PteFlag, pteChange, pteHas, ptePresent } from "../pte.js";

/** Bytes that an entry maps, at least a page. */
export function leafSize(leaf: Leaf): number {
  return Math.max(PAGE_SIZE, ENTRY_SIZE[leaf.table.level]);
}

/**
 * test_and_clear_young_ptes_notify(), pmdp_test_and_clear_young_notify(): the entry and the secondary MMUs forget that
 * the page was used. Under page_table_lock. @returns had it been?
 */
export function clearYoungNotify(mm: Mm, leaf: Leaf, start: Hva, end: Hva, site: AgeingSite): boolean {
  const { table, index, pte } = leaf;
  let young = ptePresent(pte) && pteHas(pte, PteFlag.young);
  if (young) table.set(index, pteChange(pte, 0, PteFlag.young));
  for (const notifier of mm.notifiers.get()) {
    if (notifier.clearYoung(start, end, site)) young = true;
  }
  return young;
}

/** mmu_notifier_test_young(): has a secondary MMU used the page? */
export function testYoungNotify(mm: Mm, address: Hva, site: AgeingSite): boolean {
  return mm.notifiers.get().some((notifier) => notifier.testYoung(address, site));
}

nameFunctions({
  test_and_clear_young_ptes_notify: clearYoungNotify,
  mmu_notifier_test_young: testYoungNotify,
});

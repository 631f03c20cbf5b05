import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE } from "../addresses.js";
import type { Leaf } from "../leaf.js";
import type { Mm } from "../mm.js";
import type { MmuNotifier } from "../notifier.js";
import type { AgeingSite } from "../notifier-sites.js";
import { ENTRY_SIZE } from "../page-table.js";
import { PteFlag, pteChange, pteHas, ptePresent } from "../pte.js";

/** Bytes that an entry maps, at least a page. */
export function leafSize(leaf: Leaf): number {
  return Math.max(PAGE_SIZE, ENTRY_SIZE[leaf.table.level]);
}

/**
 * test_and_clear_young_ptes_notify(), pmdp_test_and_clear_young_notify(): the entries of a range and the secondary MMUs
 * forget that its pages were used. Under page_table_lock. @returns had they been?
 */
export function clearYoungNotify(
  mm: Mm,
  leaves: readonly Leaf[],
  start: Hva,
  end: Hva,
  site: AgeingSite,
): boolean {
  return clearAndTell(mm, leaves, (notifier) => notifier.clearYoung(start, end, site));
}

/** clear_flush_young_ptes_notify(), pmdp_clear_flush_young_notify(): the same, so that the next use is seen for sure. */
export function clearFlushYoungNotify(
  mm: Mm,
  leaves: readonly Leaf[],
  start: Hva,
  end: Hva,
  site: AgeingSite,
): boolean {
  return clearAndTell(mm, leaves, (notifier) => notifier.clearFlushYoung(start, end, site));
}

function clearAndTell(mm: Mm, leaves: readonly Leaf[], tell: (notifier: MmuNotifier) => boolean): boolean {
  let young = false;
  for (const { table, index, pte } of leaves) {
    if (!ptePresent(pte) || !pteHas(pte, PteFlag.young)) continue;
    table.set(index, pteChange(pte, 0, PteFlag.young));
    young = true;
  }
  for (const notifier of mm.notifiers.get()) if (tell(notifier)) young = true;
  return young;
}

/** mmu_notifier_test_young(): has a secondary MMU used the page? */
export function testYoungNotify(mm: Mm, address: Hva, site: AgeingSite): boolean {
  return mm.notifiers.get().some((notifier) => notifier.testYoung(address, site));
}

nameFunctions({
  test_and_clear_young_ptes_notify: clearYoungNotify,
  clear_flush_young_ptes_notify: clearFlushYoungNotify,
  mmu_notifier_test_young: testYoungNotify,
});

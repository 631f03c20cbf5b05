import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "../addresses.js";
import { leafAt } from "../leaf.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { pageProt } from "../prot.js";
import { mkPte, type Pte, PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import { folioMarkAccessed } from "../reclaim/accessed.js";
import { addRmap, mappedEntry, removeRmap } from "../rmap.js";
import { splitFolio } from "../thp/split-folio.js";
import type { Vma } from "../vma.js";

/**
 * try_to_merge_one_page(): write-protects a private page, and maps a merged one with the same contents in its place;
 * with null it becomes the merged page itself. @returns did it work?
 */
export function tryToMergeOnePage(vma: Vma, address: Hva, page: Pfn, merged: Pfn | null): boolean {
  const { frames } = vma.mm.host;
  if (page === merged) return true;
  if (!frames.test(page, PageFlag.anon) || !frames.tryGet(page)) return false;
  if (!frames.trylock(page)) {
    frames.put(page);
    return false;
  }
  // split_huge_page(): the lock and the reference are the one page's afterwards.
  if (frames.order(page) > 0 && !splitFolio(vma.mm.host, page)) {
    frames.unlock(page);
    frames.put(page);
    return false;
  }
  const pte = writeProtectPage(vma, address, page);
  let done = pte !== null;
  if (pte !== null && merged === null) {
    // folio_set_stable_node()
    frames.setMapping(page, null, 0);
    folioMarkAccessed(vma.mm.host, page, PageFlag.ksm | PageFlag.dirty);
  } else if (pte !== null) {
    done =
      frames.word.get(page) === frames.word.get(merged!) && replacePage(vma, address, page, merged!, pte);
  }
  frames.unlock(page);
  frames.put(page);
  return done;
}

/** write_protect_page(). @returns the entry as it is then, or null: somebody else uses the page */
function writeProtectPage(vma: Vma, address: Hva, page: Pfn): Pte | null {
  const { mm } = vma;
  const { frames } = mm.host;
  const range = invalidateRangeStart(mm, address, address + PAGE_SIZE, "CLEAR", "write_protect_page");
  mm.pageTableLock.lock();
  let pte = mappedEntry(vma, address, page);
  if (pte !== null) {
    const exclusive = frames.test(page, PageFlag.anonExclusive);
    if (pteHas(pte, PteFlag.write | PteFlag.dirty) || exclusive) {
      // The caller's reference, and one for each entry.
      if (frames.mapcount.get(page) + 1 !== frames.refcount.get(page)) pte = null;
      else {
        if (exclusive) frames.mark(page, 0, PageFlag.anonExclusive);
        if (pteHas(pte, PteFlag.dirty)) frames.mark(page, PageFlag.dirty);
        const { table, index } = leafAt(mm, address)!;
        pte = pteChange(pte, 0, PteFlag.write | PteFlag.dirty);
        table.set(index, pte);
      }
    }
  }
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  return pte;
}

/** replace_page() */
function replacePage(vma: Vma, address: Hva, page: Pfn, merged: Pfn, orig: Pte): boolean {
  const { mm } = vma;
  const { frames } = mm.host;
  const range = invalidateRangeStart(mm, address, address + PAGE_SIZE, "CLEAR", "replace_page");
  mm.pageTableLock.lock();
  const leaf = leafAt(mm, address);
  const same = leaf !== null && leaf.pte === orig && ptePfn(orig) === page;
  if (same) {
    frames.get(merged);
    addRmap(frames, merged, mm);
    leaf.table.set(leaf.index, mkPte(merged, (pageProt(vma.fields) & ~PteFlag.write) | PteFlag.young));
    removeRmap(frames, page, mm);
  }
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  if (same) frames.put(page);
  return same;
}

nameFunctions({
  try_to_merge_one_page: tryToMergeOnePage,
  write_protect_page: writeProtectPage,
  replace_page: replacePage,
});

import { entryEnd, type Hva, PAGE_SIZE, type Pfn, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import { leafAt } from "../leaf.js";
import { isolateLru, putbackLru } from "../migrate.js";
import { NotModelled } from "../not-modelled.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import { isReclaimable, reclaimPage } from "../reclaim.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";

/** can_madv_lru_vma() */
function refuseLocked({ fields }: Vma, fn: string): Refusal | undefined {
  if ((fields.flags & (VmFlag.locked | VmFlag.pfnmap | VmFlag.hugetlb)) === 0) return undefined;
  return refuse("EINVAL", fn, `the mapping at ${hex(fields.start)} is locked, of huge pages or special`);
}

/** madvise_cold(): the pages count as unused from here on. */
export function madviseCold(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const { mm } = vma;
  const refused = refuseLocked(vma, "madvise_cold");
  if (refused !== undefined) return refused;
  const { frames, lru } = mm.host;
  lru.drain();
  mm.pageTableLock.lock();
  for (let at = start; at < end; ) {
    const leaf = leafAt(mm, at);
    const next = leaf !== null && leaf.table.level > 0 ? entryEnd(at, PMD_SIZE, end) : at + PAGE_SIZE;
    if (leaf !== null && isAlone(vma, leaf.pte)) {
      leaf.table.set(leaf.index, pteChange(leaf.pte, 0, PteFlag.young));
      frames.mark(ptePfn(leaf.pte), 0, PageFlag.referenced);
    }
    at = next;
  }
  mm.pageTableLock.unlock();
  return undefined;
}

/** madvise_pageout(): reclaims the pages at once. */
export function madvisePageout(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  const refused = refuseLocked(vma, "madvise_pageout");
  if (refused !== undefined) return refused;
  const { mm } = vma;
  const { host } = mm;
  host.lru.drain();
  // can_do_file_pageout() holds for root, who may write every file.
  for (let at = start; at < end; ) {
    const next = entryEnd(at, PMD_SIZE, end);
    const isolated = isolateRange(vma, at, next);
    for (const pfn of isolated) reclaimPage(host, pfn);
    at = next;
  }
  return undefined;
}

/** madvise_cold_or_pageout_pte_range(), of what one PMD entry maps: takes the pages off the LRU. */
function isolateRange(vma: Vma, start: Hva, end: Hva): readonly Pfn[] {
  const { mm } = vma;
  const { host } = mm;
  const isolated: Pfn[] = [];
  mm.pageTableLock.lock();
  for (let at = start; at < end; at += PAGE_SIZE) {
    const leaf = leafAt(mm, at);
    if (leaf === null || !ptePresent(leaf.pte) || pteHas(leaf.pte, PteFlag.special)) continue;
    const pfn = ptePfn(leaf.pte);
    if (host.frames.order(pfn) !== 0) throw new NotModelled("madvise(MADV_PAGEOUT) of a large folio");
    if (!isAlone(vma, leaf.pte) || !isolateLru(host, pfn)) continue;
    if (isReclaimable(host, pfn)) isolated.push(pfn);
    else putbackLru(host, pfn);
  }
  mm.pageTableLock.unlock();
  return isolated;
}

/** A page on the LRU that nothing else maps. */
function isAlone({ mm, fields }: Vma, pte: number): boolean {
  if (!ptePresent(pte) || pteHas(pte, PteFlag.special)) return false;
  const { frames } = mm.host;
  const folio = frames.folio(ptePfn(pte));
  if (isAnonymous(fields) && !frames.test(folio, PageFlag.anon)) return false;
  const entries = pteHas(pte, PteFlag.leaf) ? 1 : frames.pagesOf(folio);
  return frames.test(folio, PageFlag.lru) && frames.mapcount.get(folio) === entries;
}

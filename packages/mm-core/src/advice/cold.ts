import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, refuse } from "../errno.js";
import type { Host } from "../host.js";
import { type Leaf, leafAt } from "../leaf.js";
import { isolateLru } from "../migrate.js";
import { PageFlag } from "../page-flags.js";
import { PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import { reclaimPages } from "../reclaim/shrink-folio-list.js";
import { isMaybeMappedShared } from "../rmap.js";
import { isAnonymous, type Vma, VmFlag } from "../vma.js";
import { advisedFolio, splitAdvised } from "./large-folio.js";

/** madvise_cold(): the pages count as unused from here on. */
export function madviseCold(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  return coldOrPageout(vma, start, end, false);
}

/** madvise_pageout(): reclaims the pages at once. */
export function madvisePageout(vma: Vma, start: Hva, end: Hva): Refusal | undefined {
  // can_do_file_pageout() holds for root, who may write every file.
  return coldOrPageout(vma, start, end, true);
}

function coldOrPageout(vma: Vma, start: Hva, end: Hva, pageout: boolean): Refusal | undefined {
  const { mm, fields } = vma;
  // can_madv_lru_vma()
  if ((fields.flags & (VmFlag.locked | VmFlag.pfnmap | VmFlag.hugetlb)) !== 0)
    return refuse(
      "EINVAL",
      pageout ? "madvise_pageout" : "madvise_cold",
      `the mapping at ${hex(fields.start)} is locked, of huge pages or special`,
    );
  const { host } = mm;
  host.lru.drain();
  for (let at = start; at < end; ) {
    const isolated: Pfn[] = [];
    mm.pageTableLock.lock();
    const next = mm.pmdEnd(at, end);
    const leaf = leafAt(mm, at);
    const isHuge = leaf !== null && leaf.table.level === 1;
    if (!isHuge || splitHuge(vma, leaf, at, next)) {
      if (mm.pteTable(at) !== null) pteRange(vma, at, next, pageout, isolated);
    } else if (canUse(vma, leaf) && !isMaybeMappedShared(host.frames, ptePfn(leaf.pte)))
      use(host, [leaf], pageout, isolated);
    mm.pageTableLock.unlock();
    reclaimPages(host, isolated);
    at = next;
  }
  return undefined;
}

/** A huge page of which only a part is meant, and that nobody else maps. @returns are there small ones now? */
function splitHuge(vma: Vma, leaf: Leaf, start: Hva, end: Hva): boolean {
  if (end - start === PMD_SIZE || !canUse(vma, leaf)) return false;
  const folio = ptePfn(leaf.pte);
  return !isMaybeMappedShared(vma.mm.host.frames, folio) && splitAdvised(vma, folio, true);
}

/** madvise_cold_or_pageout_pte_range(), of what small entries map. */
function pteRange(vma: Vma, start: Hva, end: Hva, pageout: boolean, isolated: Pfn[]): void {
  const { mm } = vma;
  const { frames } = mm.host;
  for (let at = start; at < end; ) {
    const leaf = leafAt(mm, at);
    if (leaf === null || leaf.table.level > 0 || !canUse(vma, leaf)) {
      at += PAGE_SIZE;
      continue;
    }
    const folio = frames.folio(ptePfn(leaf.pte));
    const { entries, isWhole } = advisedFolio(vma, leaf, at, end);
    if (isWhole && frames.test(folio, PageFlag.lru) && frames.mapcount.get(folio) === entries.length)
      use(mm.host, entries, pageout, isolated);
    at += entries.length * PAGE_SIZE;
  }
}

/** Is there a page that the advice can be about? */
function canUse({ mm, fields }: Vma, { pte }: Leaf): boolean {
  if (!ptePresent(pte) || pteHas(pte, PteFlag.special)) return false;
  return !isAnonymous(fields) || mm.host.frames.test(ptePfn(pte), PageFlag.anon);
}

/** Takes the folio that these entries map off the LRU, to be reclaimed; or has it and them count as unused. */
function use(host: Host, leaves: readonly Leaf[], pageout: boolean, isolated: Pfn[]): void {
  const folio = host.frames.folio(ptePfn(leaves[0]!.pte));
  const { frames } = host;
  const wasActive = frames.test(folio, PageFlag.active) ? PageFlag.workingset : 0;
  frames.mark(folio, wasActive, PageFlag.referenced | PageFlag.young | PageFlag.active);
  if (pageout) {
    if (isolateLru(host, folio)) isolated.push(folio);
    return;
  }
  for (const { table, index, pte } of leaves) table.set(index, pteChange(pte, 0, PteFlag.young));
  // folio_deactivate(), lru_gen_clear_refs()
  if (host.lruGenEnabled.get()) frames.mark(folio, 0, PageFlag.usedAgain | PageFlag.workingset);
}

nameFunctions({
  madvise_cold: madviseCold,
  madvise_pageout: madvisePageout,
});

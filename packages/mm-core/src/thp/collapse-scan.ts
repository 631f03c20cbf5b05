import { nameFunctions } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, PMD_PAGES } from "../addresses.js";
import { testYoungNotify } from "../ageing/clear-young.js";
import type { AgeingSite } from "../notifier-sites.js";
import { PageFlag } from "../page-flags.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "../pte.js";
import { isMaybeMappedShared } from "../rmap.js";
import { isLazyFree } from "../try-to-unmap.js";
import { isUffdWp } from "../userfaultfd/change-entry.js";
import type { Vma } from "../vma.js";
import {
  type CollapseControl,
  collapseMaxPtesNone,
  collapseMaxPtesShared,
  collapseMaxPtesSwap,
} from "./collapse-control.js";
import { type CollapseTarget, collapseFindTargetNode } from "./collapse-target.js";
import { findPmdOrThpOrNone, type ScanResult } from "./scan-result.js";

/** What a look at 2 MiB of small pages found, that can become a huge one. */
export interface Scanned {
  readonly target: CollapseTarget;
  /** Pages that have to be read from swap first. */
  readonly unmapped: number;
}

/** collapse_scan_pmd(): can the pages be collapsed, and where to? For khugepaged, at least one must be in use. */
export function collapseScanPmd(vma: Vma, haddr: Hva, control: CollapseControl): ScanResult | Scanned {
  const { mm } = vma;
  const place = findPmdOrThpOrNone(mm, haddr);
  if (typeof place === "string") return place;
  const tally = new Tally(vma, control);
  const load = new Array<number>(mm.host.frames.nodes).fill(0);
  mm.pageTableLock.lock();
  let result: ScanResult | null = null;
  for (let at = 0; at < PMD_PAGES && result === null; at++) {
    const pte = place.table.get(at);
    result = tally.count(pte);
    if (result !== null || !holdsPage(pte)) continue;
    load[mm.host.frames.nodeOf(ptePfn(pte))]!++;
    result = isBusy(vma, pte);
    if (result === null) tally.look(pte, haddr + at * PAGE_SIZE, "collapse_scan_pmd");
  }
  mm.pageTableLock.unlock();
  if (result !== null) return result;
  const needed = tally.unmapped > 0 ? PMD_PAGES / 2 : 1;
  if (control === "khugepaged" && tally.referenced < needed) return "SCAN_LACK_REFERENCED_PAGE";
  return { target: collapseFindTargetNode(load), unmapped: tally.unmapped };
}

/** What has been counted of the entries of a table. */
export class Tally {
  referenced = 0;
  unmapped = 0;
  #none = 0;
  #shared = 0;
  readonly #maxNone: number;
  readonly #maxSwap: number;
  readonly #maxShared: number;

  constructor(
    private readonly vma: Vma,
    private readonly control: CollapseControl,
  ) {
    const { thp } = vma.mm.host;
    this.#maxNone = collapseMaxPtesNone(thp, control, vma.fields);
    this.#maxSwap = collapseMaxPtesSwap(thp, control);
    this.#maxShared = collapseMaxPtesShared(thp, control);
  }

  /** Counts an entry. @returns why the page behind it cannot be part of a huge one, or null */
  count(pte: Pte): ScanResult | null {
    const { frames } = this.vma.mm.host;
    if (pte === 0 || (ptePresent(pte) && pteHas(pte, PteFlag.special)))
      return ++this.#none > this.#maxNone ? "SCAN_EXCEED_NONE_PTE" : null;
    if (!ptePresent(pte) && ++this.unmapped > this.#maxSwap) return "SCAN_EXCEED_SWAP_PTE";
    if (isUffdWp(pte)) return "SCAN_PTE_UFFD_WP";
    if (!ptePresent(pte)) return null;
    const page = ptePfn(pte);
    const lazyFree = isLazyFree(this.vma.mm.host, frames.folio(page)) && !pteHas(pte, PteFlag.dirty);
    if (this.control === "khugepaged" && lazyFree) return "SCAN_PAGE_LAZYFREE";
    if (!frames.test(page, PageFlag.anon)) return "SCAN_PAGE_ANON";
    const isShared = isMaybeMappedShared(frames, page);
    return isShared && ++this.#shared > this.#maxShared ? "SCAN_EXCEED_SHARED_PTE" : null;
  }

  /** Notes for khugepaged whether the page was used, which a secondary MMU is asked only if nobody else knows. */
  look(pte: Pte, address: Hva, site: AgeingSite): void {
    if (this.control !== "khugepaged") return;
    const { mm } = this.vma;
    const known =
      pteHas(pte, PteFlag.young) || mm.host.frames.test(ptePfn(pte), PageFlag.young | PageFlag.referenced);
    if (known || testYoungNotify(mm, address, site)) this.referenced++;
  }
}

/** Is there a page to be copied, rather than nothing, or zeros? */
export function holdsPage(pte: Pte): boolean {
  return ptePresent(pte) && !pteHas(pte, PteFlag.special);
}

/** Is somebody at work with the page behind an entry? */
function isBusy({ mm }: Vma, pte: Pte): ScanResult | null {
  const { frames } = mm.host;
  const page = ptePfn(pte);
  if (!frames.test(page, PageFlag.lru)) return "SCAN_PAGE_LRU";
  if (frames.test(page, PageFlag.locked)) return "SCAN_PAGE_LOCK";
  const folio = frames.folio(page);
  return frames.refcount.get(folio) === frames.mapcount.get(folio) ? null : "SCAN_PAGE_COUNT";
}

nameFunctions({
  collapse_scan_pmd: collapseScanPmd,
});

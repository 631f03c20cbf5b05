import { nameFunctions } from "@kvmm/interleave";
import { type Pfn, PMD_PAGES } from "../addresses.js";
import type { FaultError } from "../fault/fault.js";
import { handleUserfault, isUserfaultMissing } from "../fault/userfaultfd.js";
import { pgoffOf } from "../file.js";
import { placement, vmaPolicy } from "../mempolicy.js";
import { PageFlag } from "../page-flags.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag } from "../pte.js";
import { addRmapPmd, anonVmaPrepare } from "../rmap.js";
import { thpVmaSuitable } from "./allowable.js";
import { getHugeZeroFolio } from "./huge-zero-folio.js";
import { khugepagedEnterVma } from "./khugepaged-enter.js";
import { FALLBACK, type PmdFault, type PmdPlace } from "./pmd-fault.js";

/** vma_alloc_anon_folio_pmd(): zeroed, where the policy wants it. */
export function allocAnonFolioPmd(fault: PmdFault): Pfn | null {
  const { task, vma, fields, haddr } = fault;
  const { frames } = task.process.host;
  const policy = vmaPolicy(task, vma, haddr);
  const { node, allowed } = placement(policy, task.node, Math.floor(pgoffOf(fields, haddr) / PMD_PAGES));
  const folio = frames.alloc(node, allowed, 9);
  if (folio !== null) frames.mark(folio, PageFlag.uptodate);
  return folio;
}

/** map_anon_folio_pmd_nopf(): under page_table_lock, the entry being none. */
export function mapAnonFolioPmd(place: PmdPlace, folio: Pfn): void {
  const { task, vma, fields, haddr, pmds, pmdIndex } = place;
  const { frames, lru } = vma.mm.host;
  // folio_add_new_anon_rmap()
  frames.setMapping(folio, vma.anonVma.get(), pgoffOf(fields, haddr));
  frames.mark(folio, PageFlag.anon | PageFlag.swapbacked | PageFlag.anonExclusive);
  addRmapPmd(frames, folio, vma.mm);
  lru.add(task.cpu.get(), folio);
  const flags = pageProt(fields) | maybeWrite(fields) | PteFlag.dirty | PteFlag.young | PteFlag.leaf;
  pmds.set(pmdIndex, mkPte(folio, flags));
}

/** do_huge_pmd_anonymous_page(): the huge zero page for a read, a huge page of one's own for a write. */
export function doHugePmdAnonymousPage(fault: PmdFault): FaultError | null | typeof FALLBACK {
  const { task, vma, fields, haddr, pmds, pmdIndex } = fault;
  const { mm } = vma;
  const { host } = mm;
  if (!thpVmaSuitable(fields, haddr)) return FALLBACK;
  anonVmaPrepare(vma);
  khugepagedEnterVma(vma);
  if (!fault.write) {
    const zero = getHugeZeroFolio(host, task.node);
    if (zero === null) return FALLBACK;
    mm.pageTableLock.lock();
    const flags = pageProt(fields) | PteFlag.special | PteFlag.young | PteFlag.leaf;
    const unchanged = isNone(fault);
    const asks = unchanged && isUserfaultMissing(fault);
    if (unchanged && !asks) pmds.set(pmdIndex, mkPte(zero, flags));
    mm.pageTableLock.unlock();
    return asks ? handleUserfault(fault, "missing") : null;
  }
  // __do_huge_pmd_anonymous_page()
  const folio = allocAnonFolioPmd(fault);
  if (folio === null) return FALLBACK;
  mm.pageTableLock.lock();
  const unchanged = isNone(fault);
  const asks = unchanged && isUserfaultMissing(fault);
  if (unchanged && !asks) mapAnonFolioPmd(fault, folio);
  mm.pageTableLock.unlock();
  if (!unchanged || asks) host.frames.put(folio);
  if (asks) return handleUserfault(fault, "missing");
  host.store.trace(
    "do_huge_pmd_anonymous_page",
    () => `${task.name}: new huge page on node ${host.frames.nodeOf(folio)}`,
  );
  return null;
}

/** pmd_none() */
function isNone({ pmds, pmdIndex }: PmdFault): boolean {
  return pmds.get(pmdIndex) === 0 && pmds.child(pmdIndex) === null;
}

nameFunctions({
  vma_alloc_anon_folio_pmd: allocAnonFolioPmd,
  map_anon_folio_pmd_nopf: mapAnonFolioPmd,
  do_huge_pmd_anonymous_page: doHugePmdAnonymousPage,
});

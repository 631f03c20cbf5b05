import { nameFunctions } from "@kvmm/interleave";
import { PAGE_SIZE, type Pfn } from "../addresses.js";
import type { Frames } from "../frames.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag, pteChange, pteHas, ptePfn } from "../pte.js";
import { addNewAnonRmap, anonVmaPrepare, isMaybeMappedShared, removeRmap } from "../rmap.js";
import { VmFlag } from "../vma.js";
import { allocAnonFolio } from "./anonymous.js";
import type { FaultError, PteFault } from "./fault.js";
import { handleUserfault, userfaultWp } from "./userfaultfd.js";

/** do_wp_page(): a write to an entry that does not allow it. Called with the page-table lock, which it drops. */
export function doWpPage(base: PteFault): FaultError | null {
  const { vma, fields, table, index } = base;
  const { mm } = vma;
  const asked = userfaultWp(base);
  if (asked === "ask") {
    mm.pageTableLock.unlock();
    return handleUserfault(base, "wp");
  }
  const fault = asked;
  const { orig } = fault;
  const { frames } = mm.host;
  const special = pteHas(orig, PteFlag.special);
  const pfn = ptePfn(orig);
  if ((fields.flags & (VmFlag.shared | VmFlag.mayShare)) !== 0) {
    // wp_page_shared(): no file here wants to know of the first write.
    frames.mark(pfn, PageFlag.dirty);
    table.set(index, pteChange(orig, maybeWrite(fields) | PteFlag.dirty | PteFlag.young, 0));
    mm.pageTableLock.unlock();
    return null;
  }
  if (!special && frames.test(pfn, PageFlag.anon) && canReuse(fault)) {
    frames.mark(pfn, PageFlag.anonExclusive);
    // wp_page_reuse()
    if (fault.unshare !== true) {
      table.set(index, pteChange(orig, maybeWrite(fields) | PteFlag.dirty | PteFlag.young, 0));
    }
    mm.pageTableLock.unlock();
    return null;
  }
  if (!special) frames.get(pfn);
  mm.pageTableLock.unlock();
  return wpPageCopy(fault, special);
}

/** PageAnonExclusive(), or wp_can_reuse_anon_folio(): nobody else can reach the page. */
function canReuse(fault: PteFault): boolean {
  const { frames } = fault.vma.mm.host;
  const pfn = ptePfn(fault.orig);
  if (frames.test(pfn, PageFlag.anonExclusive)) return true;
  if (frames.order(pfn) !== 0) return canReuseLarge(frames, frames.folio(pfn));
  if (frames.test(pfn, PageFlag.ksm) || frames.refcount.get(pfn) > 3) return false;
  // A page that is on its way to the LRU has one reference more.
  if (!frames.test(pfn, PageFlag.lru)) fault.vma.mm.host.lru.drain();
  if (frames.refcount.get(pfn) !== 1) return false;
  if (!frames.trylock(pfn)) return false;
  const only = frames.refcount.get(pfn) === 1;
  if (only) frames.setMapping(pfn, fault.vma.anonVma.get(), fault.pgoff);
  frames.unlock(pfn);
  return only;
}

/** __wp_can_reuse_large_anon_folio(): are all its references those of this process' entries? */
function canReuseLarge(frames: Frames, folio: Pfn): boolean {
  const mapcount = frames.mapcount.get(folio);
  // With a single page left of it, it is better freed.
  return mapcount > 1 && !isMaybeMappedShared(frames, folio) && mapcount === frames.refcount.get(folio);
}

/** wp_page_copy(): a copy of one's own, under a notifier. The old page came with a reference. */
function wpPageCopy(fault: PteFault, zero: boolean): FaultError | null {
  const { vma, fields, address, orig, table, index } = fault;
  const { mm } = vma;
  const { frames } = mm.host;
  const old = ptePfn(orig);
  anonVmaPrepare(vma);
  const copy = allocAnonFolio(fault);
  if (copy === null) {
    if (!zero) frames.put(old);
    return "OOM";
  }
  if (!zero) frames.word.set(copy, frames.word.get(old));
  const range = invalidateRangeStart(mm, address, address + PAGE_SIZE, "CLEAR", "wp_page_copy");
  mm.pageTableLock.lock();
  const won = table.get(index) === orig;
  if (won) {
    table.set(index, 0);
    addNewAnonRmap(fault.task, copy, vma, fault.pgoff);
    const write = fault.unshare === true ? 0 : maybeWrite(fields) | PteFlag.dirty;
    table.set(index, mkPte(copy, pageProt(fields) | write | PteFlag.young));
    if (!zero) removeRmap(frames, old, mm);
  }
  mm.pageTableLock.unlock();
  invalidateRangeEnd(mm, range);
  if (!won) frames.put(copy);
  else if (!zero) frames.put(old);
  if (!zero) frames.put(old);
  return null;
}

nameFunctions({
  do_wp_page: doWpPage,
  __wp_can_reuse_large_anon_folio: canReuseLarge,
  wp_page_copy: wpPageCopy,
});

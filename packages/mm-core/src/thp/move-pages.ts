import { AGAIN } from "@kvmm/interleave";
import { type Hva, PMD_SIZE } from "../addresses.js";
import { hex, type Refusal, type Result, refuse } from "../errno.js";
import { pgoffOf } from "../file.js";
import { migrationEntryWait } from "../migration-entry.js";
import { invalidateRangeEnd, invalidateRangeStart } from "../notifier.js";
import { PageFlag } from "../page-flags.js";
import type { Table } from "../page-table.js";
import { isMaybeDmaPinned } from "../pin.js";
import { maybeWrite, pageProt } from "../prot.js";
import { mkPte, PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "../pte.js";
import type { Vma } from "../vma.js";

/**
 * move_pages_huge_pmd(): a huge page moves as a whole, to where nothing is mapped, under a notifier over it.
 * @returns bytes; AGAIN: it changed meanwhile
 */
export function movePagesHugePmd(
  { source, target }: { readonly source: Vma; readonly target: Vma },
  targets: Table,
  sources: Table,
  to: Hva,
  from: Hva,
): Result<number> | typeof AGAIN {
  const fn = "move_pages_huge_pmd";
  const { mm } = source;
  const { frames } = mm.host;
  const index = sources.indexOf(from);
  mm.pageTableLock.lock();
  const orig = sources.get(index);
  const folio = ptePresent(orig) && !pteHas(orig, PteFlag.special) ? ptePfn(orig) : null;
  const isOthers = folio !== null && !frames.test(folio, PageFlag.anonExclusive);
  if (folio !== null && !isOthers) frames.get(folio);
  mm.pageTableLock.unlock();
  if (pteHas(orig, PteFlag.migration)) {
    migrationEntryWait(frames, orig);
    return AGAIN;
  }
  if (!ptePresent(orig)) return AGAIN;
  const busy = (why: string): Refusal => refuse("EBUSY", fn, `the huge page at ${hex(from)} is ${why}`);
  if (isOthers) return busy("not this process's alone");
  const range = invalidateRangeStart(mm, from, from + PMD_SIZE, "CLEAR", "move_pages_huge_pmd");
  if (folio !== null) frames.lock(folio);
  mm.pageTableLock.lock();
  const targetIndex = targets.indexOf(to);
  const isStable =
    sources.get(index) === orig && targets.get(targetIndex) === 0 && targets.child(targetIndex) === null;
  let refused: Refusal | undefined;
  if (isStable && folio !== null && isMaybeDmaPinned(frames, folio)) refused = busy("pinned");
  else if (isStable && folio !== null && !frames.test(folio, PageFlag.anonExclusive))
    refused = busy("not this process's alone");
  else if (isStable) {
    const { fields } = target;
    sources.set(index, 0);
    if (folio === null) targets.set(targetIndex, pteChange(orig, 0, PteFlag.uffdWp));
    else {
      // folio_move_anon_rmap()
      frames.setMapping(folio, target.anonVma.get(), pgoffOf(fields, to));
      const flags = pageProt(fields) | maybeWrite(fields) | PteFlag.dirty | PteFlag.young | PteFlag.leaf;
      targets.set(targetIndex, mkPte(folio, flags));
    }
  }
  mm.pageTableLock.unlock();
  if (folio !== null) frames.unlock(folio);
  invalidateRangeEnd(mm, range);
  if (folio !== null) frames.put(folio);
  if (refused !== undefined) return refused;
  return isStable ? PMD_SIZE : AGAIN;
}

import { nameFunctions } from "@kvmm/interleave";
import { entryEnd, PAGE_SIZE, type Pfn, PMD_SIZE } from "../addresses.js";
import { clearFlushYoungNotify } from "../ageing/clear-young.js";
import { folioPteBatch } from "../folio-pte-batch.js";
import type { Host } from "../host.js";
import { PageFlag } from "../page-flags.js";
import { type MappedEntry, pageVmaMappedWalk } from "../page-vma-mapped-walk.js";
import { type Mapping, rmapWalk } from "../rmap.js";
import { type VmaFields, VmFlag } from "../vma.js";
import { lruGenLookAround } from "./look-around.js";

/** What became of a folio while reclaim did not look. */
export interface References {
  /** Mappings through which it was used since it was asked about last. */
  readonly mappings: number;
  /** A mapping that is locked (mlock) has all of it: it was not noticed until now. */
  readonly isLocked: boolean;
}

const SITE = "folio_referenced_one";

/**
 * folio_referenced(): through how many of its mappings was the folio used, by the processor or a secondary MMU, since
 * this was asked last? Whoever maps it forgets. The folio is locked and isolated. Processes that are exiting, whose
 * pages the kernel spares, have none left in the model.
 */
export function folioReferenced(host: Host, folio: Pfn): References {
  const { frames } = host;
  let left = frames.mapcount.get(folio);
  let mappings = 0;
  if (left === 0) return { mappings, isLocked: false };
  for (const place of rmapWalk(host, folio)) {
    if (!hasRecency(place.vma.fields)) continue;
    const { mm } = place.vma;
    mm.pageTableLock.lock();
    const entries = pageVmaMappedWalk(host, folio, place);
    const isLocked = (place.vma.fields.flags & VmFlag.locked) !== 0;
    const used = !isLocked && referencedOne(host, folio, place, entries);
    mm.pageTableLock.unlock();
    if (isLocked && isWhole(entries, frames.pagesOf(folio))) return { mappings, isLocked: true };
    if (used) frames.mark(folio, 0, PageFlag.idle);
    const wasYoung = frames.test(folio, PageFlag.young);
    if (wasYoung) frames.mark(folio, 0, PageFlag.young);
    if (used || wasYoung) mappings++;
    left -= entries.length;
    if (left === 0) break;
  }
  return { mappings, isLocked: false };
}

/** folio_referenced_one(), the loop. Under page_table_lock. @returns was the folio used through this mapping? */
function referencedOne(host: Host, folio: Pfn, place: Mapping, entries: readonly MappedEntry[]): boolean {
  const { vma } = place;
  const { mm } = vma;
  const looksAround = host.lruGenEnabled.get();
  let used = false;
  for (let next = 0; next < entries.length; ) {
    const { leaf, address } = entries[next]!;
    if (leaf.table.level > 0) {
      const start = address - (address % PMD_SIZE);
      if (clearFlushYoungNotify(mm, [leaf], start, start + PMD_SIZE, SITE)) used = true;
      next++;
      continue;
    }
    const batch = folioPteBatch(mm, leaf, address, entryEnd(address, PMD_SIZE, vma.fields.end));
    const young = looksAround
      ? lruGenLookAround(host, folio, vma, batch, address)
      : clearFlushYoungNotify(mm, batch, address, address + batch.length * PAGE_SIZE, SITE);
    if (young) used = true;
    next += batch.length;
  }
  return used;
}

/** vma_has_recency(): what is read in order or at random counts as used in passing. POSIX_FADV_NOREUSE is not modelled. */
function hasRecency({ flags }: VmaFields): boolean {
  return (flags & (VmFlag.seqRead | VmFlag.randRead)) === 0;
}

/** Does one mapping have all of a folio, by entries of one table? */
function isWhole(entries: readonly MappedEntry[], pages: number): boolean {
  const [first] = entries;
  if (first === undefined) return false;
  if (first.leaf.table.level > 0) return true;
  return entries.length === pages && first.leaf.table === entries[pages - 1]!.leaf.table;
}

nameFunctions({
  folio_referenced: folioReferenced,
  folio_referenced_one: referencedOne,
});

import { nameFunctions } from "@kvmm/interleave";
import { type Hva, type Node, PAGE_SIZE } from "../addresses.js";
import { folioPteBatch } from "../folio-pte-batch.js";
import { leafAt } from "../leaf.js";
import type { Mm } from "../mm.js";
import { folioUpdateGen } from "../reclaim/accessed.js";
import { agedFolio } from "../reclaim/look-around.js";
import { type VmaFields, VmFlag } from "../vma.js";
import { clearYoungNotify } from "./clear-young.js";

/** The function that the compiler leaves of walk_pmd_range_locked() and walk_pte_range(). */
const SITE = "walk_pud_range";

/**
 * walk_mm() of the multi-generational LRU: every page of the process that lies on the node is aged; while the LRU is the
 * classic one, no page is on a list of its.
 */
export function lruGenAge(mm: Mm, node: Node): void {
  mm.host.lru.drain();
  if (!mm.host.lruGenEnabled.get()) return;
  mm.mmapLock.readLock();
  for (const vma of mm.vmas.overlapping(0, Number.MAX_SAFE_INTEGER)) {
    const fields = vma.fields;
    if (shouldSkip(fields)) continue;
    for (let at = fields.start; at < fields.end; ) {
      const next = mm.pmdEnd(at, fields.end);
      if (mm.pmd(at) !== null) walkPmd(mm, node, at, next);
      at = next;
    }
  }
  mm.mmapLock.readUnlock();
}

/** should_skip_vma(): hugetlb, locked or unevictable memory, and what is used in passing only, does not age. */
function shouldSkip({ flags, file }: VmaFields): boolean {
  const skipped =
    VmFlag.hugetlb | VmFlag.locked | VmFlag.pfnmap | VmFlag.dontexpand | VmFlag.seqRead | VmFlag.randRead;
  if ((flags & skipped) !== 0) return true;
  return file !== null && file.inode?.traits.unevictable !== false;
}

/** walk_pmd_range_locked(), walk_pte_range() */
function walkPmd(mm: Mm, node: Node, start: Hva, end: Hva): void {
  const { host } = mm;
  mm.pageTableLock.lock();
  const isSmall = mm.pteTable(start) !== null;
  for (let at = start; at < end; ) {
    const leaf = leafAt(mm, at);
    const folio = leaf === null ? null : agedFolio(host, leaf, node);
    if (leaf === null || folio === null) {
      at = isSmall ? at + PAGE_SIZE : end;
      continue;
    }
    const batch = isSmall ? folioPteBatch(mm, leaf, at, end) : [leaf];
    const next = isSmall ? at + batch.length * PAGE_SIZE : end;
    if (clearYoungNotify(mm, batch, at, next, SITE)) folioUpdateGen(host.frames, folio);
    at = next;
  }
  mm.pageTableLock.unlock();
}

nameFunctions({
  walk_mm: lruGenAge,
  walk_pmd_range_locked: walkPmd,
});

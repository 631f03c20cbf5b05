import { nameFunctions } from "@kvmm/interleave";
import { type Node, type Pfn, PMD_SIZE } from "./addresses.js";
import { Inode } from "./file.js";
import type { Host } from "./host.js";
import { hugetlbAddRmap, hugetlbRemoveRmap } from "./hugetlb/rmap.js";
import { StableNode } from "./ksm/stable-node.js";
import { leafAt } from "./leaf.js";
import { invalidateRangeEnd, invalidateRangeStart } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import { ENTRY_SIZE } from "./page-table.js";
import { isPinnedExclusive } from "./pin.js";
import { pageProt } from "./prot.js";
import { mkPte, PteFlag, pteChange, pteHas, ptePfn, ptePresent } from "./pte.js";
import { addRmap, addRmapPmd, type Mapping, removeRmap, removeRmapPmd, rmapWalk } from "./rmap.js";
import { splitHugePmdLocked } from "./thp/split-pmd.js";
import { type Vma, VmFlag } from "./vma.js";

/** folio_isolate_lru(): takes the folio off its list, with a reference. Fails if it is on none. */
export function isolateLru(host: Host, pfn: Pfn): boolean {
  const { frames } = host;
  if (!frames.test(pfn, PageFlag.lru)) return false;
  frames.mark(pfn, 0, PageFlag.lru);
  frames.get(pfn);
  return true;
}

/** folio_putback_lru() */
export function putbackLru(host: Host, pfn: Pfn): void {
  host.frames.mark(pfn, PageFlag.lru);
  host.frames.put(pfn);
}

/**
 * migrate_pages() of one isolated folio to `node`: unmaps it everywhere (try_to_migrate), moves it if its references
 * are only those of its mapping, and maps it, or the old one again, where it was. The isolation's reference goes.
 * @returns did it move?
 */
export function migratePage(host: Host, pfn: Pfn, node: Node): boolean {
  const { frames } = host;
  const folio = frames.folio(pfn);
  const isHugetlb = frames.test(folio, PageFlag.hugetlb);
  // alloc_migration_target()
  const target = isHugetlb
    ? host.hstateOf(folio).dequeue(node, [node], false)
    : frames.alloc(node, [node], frames.order(folio));
  if (target === null) {
    putbackLru(host, folio);
    return false;
  }
  frames.lock(folio);
  const unmapped = tryToMigrate(host, folio, false);
  const moved = moveToNewFolio(host, folio, target);
  removeMigrationPtes(host, folio, moved ? target : folio, frames.pagesOf(folio), unmapped);
  frames.unlock(folio);
  host.store.trace(
    "migrate_pages",
    () => `frame ${folio}: ${moved ? `moved to node ${node}` : "could not be moved"}`,
  );
  if (moved) {
    frames.put(folio);
    frames.put(target);
  } else {
    putbackLru(host, folio);
    frames.put(target);
  }
  return moved;
}

/**
 * try_to_migrate(): each mapping of a locked folio gives way to migration entries, under a notifier of its own
 * (try_to_migrate_one) over all that the mapping can hold of the folio.
 * @param splitPmd TTU_SPLIT_HUGE_PMD: a huge entry becomes small ones
 * @returns where there were any
 */
export function tryToMigrate(host: Host, folio: Pfn, splitPmd: boolean): readonly Mapping[] {
  const { frames } = host;
  const unmapped: Mapping[] = [];
  if (frames.mapcount.get(folio) === 0) return unmapped;
  for (const place of rmapWalk(host, folio)) {
    const { mm } = place.vma;
    const range = invalidateRangeStart(mm, place.address, place.end, "CLEAR", "try_to_migrate_one");
    mm.pageTableLock.lock();
    const { found, complete } = unmapPlace(host, folio, place, splitPmd);
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
    if (found) unmapped.push(place);
    if (!complete || frames.mapcount.get(folio) === 0) break;
  }
  return unmapped;
}

/**
 * The loop of try_to_migrate_one().
 * @returns was anything mapped there, and did all of it give way? What a device may be writing to does not.
 */
function unmapPlace(
  host: Host,
  folio: Pfn,
  { vma, address, end }: Mapping,
  splitPmd: boolean,
): { readonly found: boolean; readonly complete: boolean } {
  const { frames } = host;
  const { mm } = vma;
  const last = folio + frames.pagesOf(folio);
  let found = false;
  for (let at = address; at < end; ) {
    const leaf = leafAt(mm, at);
    const size = ENTRY_SIZE[leaf === null ? 0 : leaf.table.level];
    const next = at - (at % size) + size;
    if (leaf !== null && ptePresent(leaf.pte) && ptePfn(leaf.pte) >= folio && ptePfn(leaf.pte) < last) {
      const { table, index, pte } = leaf;
      if (isPinnedExclusive(frames, ptePfn(pte))) return { found, complete: false };
      found = true;
      if (table.level === 1 && splitPmd) splitHugePmdLocked(vma, at - (at % PMD_SIZE), true);
      else {
        if (pteHas(pte, PteFlag.dirty)) frames.mark(folio, PageFlag.dirty);
        const isPoisoned = table.level === 0 && frames.test(ptePfn(pte), PageFlag.hwpoison);
        const gone = isPoisoned
          ? mkPte(ptePfn(pte), PteFlag.poisoned)
          : pteChange(pte, PteFlag.migration, PteFlag.valid | PteFlag.protNone);
        table.set(index, gone);
        if (table.level === 0) removeRmap(frames, folio, mm);
        else if (frames.test(folio, PageFlag.hugetlb)) hugetlbRemoveRmap(frames, folio);
        else removeRmapPmd(frames, folio, mm);
        frames.put(folio);
      }
    }
    at = next;
  }
  return { found, complete: true };
}

/** move_to_new_folio(): contents and identity pass to the new folio, if nobody else holds the old one. */
function moveToNewFolio(host: Host, folio: Pfn, target: Pfn): boolean {
  const { frames } = host;
  const owner = frames.mapping(folio);
  const pages = frames.pagesOf(folio);
  if (owner instanceof Inode && !owner.traits.movable) {
    if (!owner.traits.inaccessible) host.warn("migrate_folio", "the mapping cannot migrate");
    return false;
  }
  // The isolation holds one reference, the page cache one per page; of hugetlb, one.
  const cachedPages = frames.test(folio, PageFlag.hugetlb) ? 1 : pages;
  const cached = owner instanceof Inode ? cachedPages : 0;
  if (frames.refcount.get(folio) !== 1 + cached) return false;
  const index = frames.index.get(folio);
  frames.setMapping(target, owner, index);
  // folio_migrate_ksm()
  if (owner instanceof StableNode) owner.page.set(target);
  frames.lastCpupid.set(target, frames.lastCpupid.get(folio));
  frames.mark(target, (frames.flags.get(folio) & ~PageFlag.locked) | PageFlag.lru);
  frames.copy(target, folio);
  if (owner instanceof Inode) {
    for (let page = 0; page < cachedPages; page++) {
      owner.pages.set(index + page, target + page);
      frames.get(target);
      frames.put(folio);
    }
  }
  return true;
}

/**
 * remove_migration_ptes(): maps the folio, the new one or the old, where its migration entries still stand. The old
 * one may have been split meanwhile.
 * @param zeroUnused TTU_USE_SHARED_ZEROPAGE: pages that hold nothing but zeros are replaced by the zero page
 */
export function removeMigrationPtes(
  host: Host,
  from: Pfn,
  to: Pfn,
  pages: number,
  unmapped: readonly Mapping[],
  zeroUnused = false,
): void {
  const { frames } = host;
  for (const { vma, address, end } of unmapped) {
    const { mm, fields } = vma;
    mm.pageTableLock.lock();
    for (let at = address; at < end; ) {
      const leaf = leafAt(mm, at);
      const size = ENTRY_SIZE[leaf === null ? 0 : leaf.table.level];
      const first = leaf === null ? 0 : ptePfn(leaf.pte) - from;
      if (leaf !== null && pteHas(leaf.pte, PteFlag.migration) && first >= 0 && first < pages) {
        const { table, index, pte } = leaf;
        const page = to + first;
        const kept = pte & (PteFlag.write | PteFlag.dirty | PteFlag.young | PteFlag.leaf | PteFlag.uffdWp);
        if (zeroUnused && isUnused(host, vma, page)) {
          table.set(index, mkPte(host.zeroPfn, pageProt(fields) | PteFlag.special | PteFlag.young));
        } else {
          frames.get(page);
          if (table.level === 0) addRmap(frames, page, mm);
          else if (frames.test(page, PageFlag.hugetlb)) hugetlbAddRmap(frames, page);
          else addRmapPmd(frames, page, mm);
          table.set(index, mkPte(page, pageProt(fields) | kept));
        }
      }
      at = at - (at % size) + size;
    }
    mm.pageTableLock.unlock();
  }
}

/** try_to_map_unused_to_zeropage() */
function isUnused(host: Host, vma: Vma, page: Pfn): boolean {
  return host.frames.word.get(page) === 0 && (vma.fields.flags & VmFlag.locked) === 0;
}

nameFunctions({
  folio_isolate_lru: isolateLru,
  folio_putback_lru: putbackLru,
  migrate_pages: migratePage,
  try_to_migrate: tryToMigrate,
  move_to_new_folio: moveToNewFolio,
  remove_migration_ptes: removeMigrationPtes,
  try_to_map_unused_to_zeropage: isUnused,
});

import { PAGE_SIZE, type Node, type Pfn } from "./addresses.js";
import { Inode } from "./file.js";
import { PageFlag } from "./frames.js";
import type { Host } from "./host.js";
import { invalidateRangeEnd, invalidateRangeStart } from "./notifier.js";
import { pageProt } from "./prot.js";
import { mkPte, PteFlag, pteChange, pteHas, ptePfn } from "./pte.js";
import { type Mapping, mappedEntry, removeRmap, rmapWalk } from "./rmap.js";

/** folio_isolate_lru(): takes the page off its list, with a reference. Fails if it is on none. */
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
 * migrate_pages() of one isolated page to `node`: unmaps it everywhere (try_to_migrate), moves it if its references
 * are only those of its mapping, and maps it, or the old one again, where it was. The isolation's reference goes.
 * @returns did it move?
 */
export function migratePage(host: Host, pfn: Pfn, node: Node): boolean {
  const { frames } = host;
  const target = frames.alloc(node, [node]);
  if (target === null) {
    putbackLru(host, pfn);
    return false;
  }
  frames.lock(pfn);
  const unmapped = tryToMigrate(host, pfn);
  const moved = moveToNewFolio(host, pfn, target);
  removeMigrationPtes(host, pfn, moved ? target : pfn, unmapped);
  frames.unlock(pfn);
  host.store.trace("migrate_pages", () => `frame ${pfn}: ${moved ? `moved to node ${node}` : "could not be moved"}`);
  if (moved) {
    frames.put(pfn);
    frames.put(target);
  } else {
    putbackLru(host, pfn);
    frames.put(target);
  }
  return moved;
}

/** try_to_migrate(): each mapping gives way to a migration entry, under a notifier of its own (try_to_migrate_one). */
function tryToMigrate(host: Host, pfn: Pfn): readonly Mapping[] {
  const { frames } = host;
  const unmapped: Mapping[] = [];
  if (frames.mapcount.get(pfn) === 0) return unmapped;
  for (const place of rmapWalk(host, pfn)) {
    const { vma, address } = place;
    const { mm } = vma;
    const range = invalidateRangeStart(mm, address, address + PAGE_SIZE, "CLEAR", "try_to_migrate_one");
    mm.pageTableLock.lock();
    const pte = mappedEntry(vma, address, pfn);
    if (pte !== null) {
      const table = mm.pteTable(address)!;
      if (pteHas(pte, PteFlag.dirty)) frames.mark(pfn, PageFlag.dirty);
      table.set(table.indexOf(address), pteChange(pte, PteFlag.migration, PteFlag.valid | PteFlag.protNone));
      removeRmap(frames, pfn);
      unmapped.push(place);
    }
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
    if (pte !== null) frames.put(pfn);
    if (frames.mapcount.get(pfn) === 0) break;
  }
  return unmapped;
}

/** move_to_new_folio(): contents and identity pass to the new page, if nobody else holds the old one. */
function moveToNewFolio(host: Host, pfn: Pfn, target: Pfn): boolean {
  const { frames } = host;
  const owner = frames.mapping(pfn);
  const cached = owner instanceof Inode ? 1 : 0;
  if (owner instanceof Inode && !owner.traits.movable) {
    if (!owner.traits.inaccessible) host.warn("migrate_folio", "the mapping cannot migrate");
    return false;
  }
  // The isolation holds one reference, the page cache one.
  if (frames.refcount.get(pfn) !== 1 + cached) return false;
  const index = frames.index.get(pfn);
  frames.setMapping(target, owner, index);
  frames.word.set(target, frames.word.get(pfn));
  frames.lastCpupid.set(target, frames.lastCpupid.get(pfn));
  frames.mark(target, (frames.flags.get(pfn) & ~PageFlag.locked) | PageFlag.lru);
  if (owner instanceof Inode) {
    owner.pages.set(index, target);
    frames.get(target);
    frames.put(pfn);
  }
  return true;
}

/** remove_migration_ptes(): maps the page, the new one or the old, where its migration entries still stand. */
function removeMigrationPtes(host: Host, from: Pfn, to: Pfn, unmapped: readonly Mapping[]): void {
  const { frames } = host;
  for (const { vma, address } of unmapped) {
    const { mm, fields } = vma;
    const table = mm.pteTable(address);
    if (table === null) continue;
    const index = table.indexOf(address);
    mm.pageTableLock.lock();
    const entry = table.get(index);
    if (pteHas(entry, PteFlag.migration) && ptePfn(entry) === from) {
      frames.get(to);
      frames.mapcount.add(to, 1);
      const kept = entry & (PteFlag.write | PteFlag.dirty | PteFlag.young);
      table.set(index, mkPte(to, pageProt(fields) | kept));
    }
    mm.pageTableLock.unlock();
  }
}

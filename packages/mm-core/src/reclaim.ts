import { PAGE_SIZE, type Pfn } from "./addresses.js";
import { Inode } from "./file.js";
import type { Host } from "./host.js";
import { leafAt } from "./leaf.js";
import { NotModelled } from "./not-modelled.js";
import { invalidateRangeEnd, invalidateRangeStart } from "./notifier.js";
import { PageFlag } from "./page-flags.js";
import { mkPte, type Pte, PteFlag, pteHas } from "./pte.js";
import { mappedEntry, removeRmap, rmapWalk } from "./rmap.js";
import type { SwapSlot } from "./swap.js";
import { VmFlag } from "./vma.js";

/** What try_to_unmap() leaves behind where a page was mapped. */
export interface UnmapTo {
  /** The slot that a private page's contents go to; 0: none. */
  readonly slot: SwapSlot;
  /** TTU_HWPOISON: whoever comes back gets SIGBUS. */
  readonly poisoned?: boolean;
  /** TTU_IGNORE_MLOCK */
  readonly ignoreLocked?: boolean;
}

/**
 * try_to_unmap(): takes a small page out of every mapping, each under a notifier of its own (try_to_unmap_one). The
 * caller has locked the page.
 */
export function tryToUnmap(host: Host, pfn: Pfn, to: UnmapTo): void {
  const { frames } = host;
  if (frames.order(pfn) !== 0) throw new NotModelled("try_to_unmap of a large folio");
  for (const { vma, address } of rmapWalk(host, pfn)) {
    if (frames.mapcount.get(pfn) === 0) break;
    const { mm, fields } = vma;
    const range = invalidateRangeStart(mm, address, address + PAGE_SIZE, "CLEAR", "try_to_unmap_one");
    mm.pageTableLock.lock();
    const pte = mappedEntry(vma, address, pfn);
    const locked = (fields.flags & VmFlag.locked) !== 0 && to.ignoreLocked !== true;
    const unmaps =
      pte !== null && !locked && !(isLazyFree(host, pfn) && !to.poisoned && isDirty(host, pfn, pte));
    if (pte !== null && unmaps) {
      const { table, index } = leafAt(mm, address)!;
      if (pteHas(pte, PteFlag.dirty)) frames.mark(pfn, PageFlag.dirty);
      table.set(index, replacement(host, pfn, pte, to));
      removeRmap(frames, pfn, mm);
    }
    mm.pageTableLock.unlock();
    invalidateRangeEnd(mm, range);
    if (unmaps) frames.put(pfn);
  }
}

function replacement({ frames, swap }: Host, pfn: Pfn, pte: Pte, { slot, poisoned }: UnmapTo): Pte {
  if (poisoned === true) return mkPte(pfn, PteFlag.poisoned);
  if (!frames.test(pfn, PageFlag.anon) || slot === 0) return 0;
  swap.get(slot);
  const exclusive = frames.test(pfn, PageFlag.anonExclusive) ? PteFlag.exclusive : 0;
  return mkPte(slot, PteFlag.swap | exclusive | (pteHas(pte, PteFlag.uffdWp) ? PteFlag.uffdWp : 0));
}

/** A private page that MADV_FREE gave up, and that may go without being written to swap. */
function isLazyFree({ frames }: Host, pfn: Pfn): boolean {
  return frames.test(pfn, PageFlag.anon) && !frames.test(pfn, PageFlag.swapbacked);
}

function isDirty({ frames }: Host, pfn: Pfn, pte: Pte): boolean {
  return pteHas(pte, PteFlag.dirty) || frames.test(pfn, PageFlag.dirty);
}

/**
 * reclaim_pages(), shrink_folio_list() of one isolated page, whether it was referenced or not: to swap, or dropped if
 * it was given up. The isolation's reference goes.
 * @returns is it gone?
 */
export function reclaimPage(host: Host, pfn: Pfn): boolean {
  const { frames, swap } = host;
  frames.lock(pfn);
  const owner = frames.mapping(pfn);
  const inode = owner instanceof Inode ? owner : null;
  const index = frames.index.get(pfn);
  const lazy = isLazyFree(host, pfn);
  // A private page needs its slot before it is unmapped, a file's only when it is written out.
  let slot = lazy || inode !== null ? 0 : swap.take(frames.word.get(pfn));
  if (lazy || inode !== null || slot !== 0) tryToUnmap(host, pfn, { slot });
  if (inode !== null && frames.mapcount.get(pfn) === 0) slot = swap.take(frames.word.get(pfn));
  // __remove_mapping(): only the isolation and the page cache may hold it still.
  const gone =
    (lazy || slot !== 0) &&
    frames.mapcount.get(pfn) === 0 &&
    frames.refcount.get(pfn) === (inode === null ? 1 : 2) &&
    !(lazy && frames.test(pfn, PageFlag.dirty));
  if (gone && inode !== null) {
    // shmem_writeout(): the file remembers the slot.
    inode.pages.set(index, 0);
    inode.swapped.set(index, slot);
    swap.get(slot);
    frames.setMapping(pfn, null, 0);
    frames.put(pfn);
  }
  if (slot !== 0) swap.put(slot);
  frames.unlock(pfn);
  host.store.trace(
    "shrink_folio_list",
    () => `frame ${pfn}: ${gone ? (lazy ? "dropped" : `to swap slot ${slot}`) : "kept"}`,
  );
  if (!gone) frames.mark(pfn, PageFlag.lru);
  frames.put(pfn);
  return gone;
}

/** may_enter_fs and so on aside: can a page be written to swap at all? */
export function isReclaimable(host: Host, pfn: Pfn): boolean {
  const owner = host.frames.mapping(pfn);
  return (
    !host.frames.test(pfn, PageFlag.unevictable) && (!(owner instanceof Inode) || owner.traits.swapbacked)
  );
}

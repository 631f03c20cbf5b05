import type { Pfn } from "./addresses.js";
import type { Frames } from "./frames.js";
import { PageFlag } from "./page-flags.js";
import { type Pte, PteFlag, pteHas, ptePfn } from "./pte.js";
import { type Vma, VmFlag } from "./vma.js";

/** GUP_PIN_COUNTING_BIAS: what a pin adds to the references of a small folio, which has no count of its own for it. */
const PIN_BIAS = 1024;

/** try_grab_folio(FOLL_PIN), on top of a reference that was taken already, which the pin takes over. */
export function referenceToPin(frames: Frames, pfn: Pfn): void {
  if (frames.order(pfn) === 0) frames.getMany(pfn, PIN_BIAS - 1);
  else frames.pincount.add(frames.folio(pfn), 1);
}

/** unpin_user_page(): gives a pin back. */
export function unpinUserPage(frames: Frames, pfn: Pfn): void {
  if (frames.order(pfn) === 0) frames.putMany(pfn, PIN_BIAS);
  else {
    frames.pincount.add(frames.folio(pfn), -1);
    frames.put(pfn);
  }
}

/**
 * folio_maybe_dma_pinned(): may a device be writing to the folio? Also true of a small folio with very many references.
 * Such a folio is not migrated, merged or swapped out, gets no NUMA hints, and fork copies it at once.
 */
export function isMaybeDmaPinned(frames: Frames, pfn: Pfn): boolean {
  if (frames.order(pfn) !== 0) return frames.pincount.get(frames.folio(pfn)) > 0;
  return frames.refcount.get(pfn) >= PIN_BIAS;
}

/**
 * folio_try_share_anon_rmap_pte() and its like: may an entry that maps a page which is this process's alone be taken
 * away for a while? Not while it is pinned.
 */
export function isPinnedExclusive(frames: Frames, pfn: Pfn): boolean {
  const both = PageFlag.anon | PageFlag.anonExclusive;
  return (frames.flagsOf(pfn) & both) === both && isMaybeDmaPinned(frames, pfn);
}

/** folio_needs_cow_for_dma(), of a page that the parent has to itself: fork copies it at once. */
export function needsCowForDma(parent: Vma, pfn: Pfn): boolean {
  return parent.mm.hasPinned.get() && isPinnedExclusive(parent.mm.host.frames, pfn);
}

/** What {@link mustUnshare} asks of a get_user_pages(): FOLL_WRITE, FOLL_PIN, FOLL_LONGTERM. */
interface Pinning {
  readonly write: boolean;
  readonly pin?: boolean;
  readonly longterm?: boolean;
}

/**
 * gup_must_unshare(), where the entry forbids writes: a page that is only to be read is pinned once nobody can take it
 * away by copy-on-write. Of a huge page its first one says whether it is the process's alone.
 * @param vma null: not known
 */
export function mustUnshare(frames: Frames, pte: Pte, vma: Vma | null, flags: Pinning): boolean {
  if (flags.write || flags.pin !== true || pteHas(pte, PteFlag.write)) return false;
  const pageFlags = frames.flagsOf(ptePfn(pte));
  if ((pageFlags & PageFlag.anon) !== 0) return (pageFlags & PageFlag.anonExclusive) === 0;
  if (flags.longterm !== true) return false;
  return vma === null || (vma.fields.flags & (VmFlag.shared | VmFlag.mayWrite)) === VmFlag.mayWrite;
}

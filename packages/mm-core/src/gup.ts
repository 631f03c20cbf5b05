import { AGAIN, nameFunctions, repeat } from "@kvmm/interleave";
import { type Hva, PAGE_SIZE, type Pfn } from "./addresses.js";
import type { FaultError } from "./fault/fault.js";
import { handleMmFault } from "./fault/handle.js";
import type { Frames } from "./frames.js";
import { leafAt, leafPage } from "./leaf.js";
import { PageFlag } from "./page-flags.js";
import { mustUnshare, referenceToPin, unpinUserPage } from "./pin.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent, pteProtNone } from "./pte.js";
import type { Task } from "./task.js";
import { isAccessible, type Vma, VmFlag } from "./vma.js";

/** FOLL_* */
export interface GupFlags {
  readonly write: boolean;
  /** FOLL_FORCE: whatever the mapping may become counts, and a private mapping gets a copy. */
  readonly force?: boolean;
  /** get_user_page_fast_only(): never sleep, never fault a page in. */
  readonly fastOnly?: boolean;
  /** FOLL_PIN: the page is pinned rather than referenced, to be given back with {@link unpinUserPage}. */
  readonly pin?: boolean;
  /** FOLL_LONGTERM, with `pin`: for as long as user space likes. (No zone that it had to be moved out of is modelled.) */
  readonly longterm?: boolean;
  /** FOLL_NOWAIT: gives up where a page has to be waited for. */
  readonly nowait?: boolean;
  /**
   * FOLL_HONOR_NUMA_FAULT: a page under a NUMA hint is faulted in. KVM asks for it, on behalf of the guest; for others the
   * hint is not in the way.
   */
  readonly honorNumaFault?: boolean;
  /** FOLL_UNLOCKABLE: a fault may drop mmap_lock and wait; default true. Otherwise it fails where it would have to. */
  readonly unlockable?: boolean;
}

/**
 * Why get_user_pages gave no page. `EAGAIN`: only with `fastOnly`. `EBUSY`: only with `nowait`. `EINTR`: nobody answers
 * the userfaultfd that was asked, and a signal ended the wait.
 */
export type GupError = "EFAULT" | "EHWPOISON" | "ENOMEM" | "EAGAIN" | "EBUSY" | "EINTR";

/** get_user_pages_unlocked(), pin_user_pages_unlocked() for one page: its frame, with a reference or a pin. */
export function getUserPage(task: Task, address: Hva, flags: GupFlags): Pfn | GupError {
  // mm_set_has_pinned_flag()
  if (flags.pin === true && !task.mm.hasPinned.get()) task.mm.hasPinned.set(true);
  if (flags.fastOnly === true) return gupFast(task, address, flags) ?? "EAGAIN";
  return getUserPageSlow(task, address, flags);
}

/**
 * pin_user_pages_unlocked(): pins the pages of `[start, start + count pages)`.
 * @returns their frames, all of them or, after an error, none
 */
export function pinUserPages(
  task: Task,
  start: Hva,
  count: number,
  flags: Pick<GupFlags, "write" | "longterm" | "unlockable">,
): readonly Pfn[] | GupError {
  const { frames } = task.process.host;
  const pinned: Pfn[] = [];
  for (let page = 0; page < count; page++) {
    const pfn = getUserPage(task, start + page * PAGE_SIZE, { ...flags, pin: true });
    if (typeof pfn !== "number") {
      for (const other of pinned) unpinUserPage(frames, other);
      return pfn;
    }
    pinned.push(pfn);
  }
  return pinned;
}

/** try_grab_folio(), after the reference was taken. */
function grabbed(frames: Frames, pfn: Pfn, flags: GupFlags): Pfn {
  if (flags.pin === true) referenceToPin(frames, pfn);
  return pfn;
}

/** gup_fast_pte_range(), gup_fast_pmd_leaf(): no locks; the entry is read again after the reference was taken. */
function gupFast(task: Task, address: Hva, flags: GupFlags): Pfn | null {
  const { mm } = task;
  const { frames } = mm.host;
  const leaf = leafAt(mm, address);
  if (leaf === null) return null;
  const { table, index, pte } = leaf;
  if (!pteHas(pte, PteFlag.valid) || pteHas(pte, PteFlag.special)) return null;
  if (flags.write && !pteHas(pte, PteFlag.write)) return null;
  const pfn = leafPage(leaf, address);
  if (!frames.tryGet(pfn)) return null;
  if (table.get(index) === pte && !mustUnshare(frames, pte, null, flags)) return grabbed(frames, pfn, flags);
  frames.put(pfn);
  return null;
}

/** __get_user_pages() */
function getUserPageSlow(task: Task, address: Hva, flags: GupFlags): Pfn | GupError {
  const { mm } = task;
  const { store } = mm.host;
  const { write, force } = flags;
  return repeat<Pfn | GupError>(store, "__get_user_pages", () => {
    mm.mmapLock.readLock();
    const vma = mm.vmaAt(address);
    // check_vma_flags()
    if (vma === undefined || !isAllowed(vma.fields.flags, write, force === true)) {
      mm.mmapLock.readUnlock();
      store.trace("check_vma_flags", () =>
        vma === undefined
          ? `no mapping at ${address.toString(16)}`
          : `the mapping forbids to ${write ? "write" : "read"}`,
      );
      return "EFAULT";
    }
    const followed = followPage(vma, address, flags);
    if (typeof followed === "number") {
      mm.mmapLock.readUnlock();
      return followed;
    }
    // faultin_page()
    const error = handleMmFault(task, vma, address, { write, ...retryOf(flags), ...followed });
    // A fault that waited has dropped the lock.
    if (error !== "WAITED" && error !== "WAITS") mm.mmapLock.readUnlock();
    return error === null || error === "WAITED" ? AGAIN : errorOf(error);
  });
}

/** FAULT_FLAG_ALLOW_RETRY, FAULT_FLAG_RETRY_NOWAIT */
function retryOf({ nowait, unlockable }: GupFlags): { readonly retry?: "wait" | "nowait" } {
  if (nowait === true) return { retry: "nowait" };
  return unlockable === false ? {} : { retry: "wait" };
}

/** follow_page_pte(), follow_huge_pmd(). @returns the page, or with what flags it is to be faulted in */
function followPage(vma: Vma, address: Hva, flags: GupFlags): Pfn | { readonly unshare?: true } {
  const { mm } = vma;
  const { frames } = mm.host;
  const leaf = leafAt(mm, address);
  if (leaf === null) return {};
  mm.pageTableLock.lock();
  const pte = leaf.table.get(leaf.index);
  let followed: Pfn | { readonly unshare?: true } = {};
  const isHinted = pteProtNone(pte) && flags.honorNumaFault === true && isAccessible(vma.fields);
  if (ptePresent(pte) && !isHinted && (!flags.write || canFollowWrite(vma, pte, flags))) {
    if (mustUnshare(frames, pte, vma, flags)) followed = { unshare: true };
    else {
      const pfn = leafPage({ ...leaf, pte }, address);
      frames.get(pfn);
      followed = grabbed(frames, pfn, flags);
    }
  }
  mm.pageTableLock.unlock();
  return followed;
}

/** vm_fault_to_errno(FOLL_HWPOISON), and what comes of a wait. */
function errorOf(error: Exclude<FaultError, "WAITED">): GupError {
  switch (error) {
    case "HWPOISON":
      return "EHWPOISON";
    case "OOM":
      return "ENOMEM";
    case "WOULD_WAIT":
      return "EBUSY";
    case "WAITS":
      return "EINTR";
    default:
      return "EFAULT";
  }
}

/** check_vma_flags() */
function isAllowed(flags: number, write: boolean, force: boolean): boolean {
  if ((flags & VmFlag.pfnmap) !== 0) return false;
  if ((flags & (write ? VmFlag.write : VmFlag.read)) !== 0) return true;
  if (!force) return false;
  // is_cow_mapping(): a forced write must not reach the file.
  return write
    ? (flags & (VmFlag.shared | VmFlag.mayWrite)) === VmFlag.mayWrite
    : (flags & VmFlag.mayRead) !== 0;
}

/**
 * can_follow_write_pte(), can_follow_write_pmd(): where the entry forbids it, a forced write may go to a page that nobody
 * else can reach, unless a write fault would do something else as well.
 */
function canFollowWrite({ mm, fields }: Vma, pte: Pte, { force }: GupFlags): boolean {
  if (pteHas(pte, PteFlag.write)) return true;
  if (force !== true) return false;
  const { flags } = fields;
  if ((flags & (VmFlag.shared | VmFlag.mayShare)) !== 0) return false;
  if ((flags & (VmFlag.mayWrite | VmFlag.write)) !== VmFlag.mayWrite) return false;
  if (pteHas(pte, PteFlag.special) || !mm.host.frames.test(ptePfn(pte), PageFlag.anonExclusive)) return false;
  return (flags & VmFlag.uffdWp) === 0 || !pteHas(pte, PteFlag.uffdWp);
}

nameFunctions({
  get_user_pages_unlocked: getUserPage,
  pin_user_pages_unlocked: pinUserPages,
  try_grab_folio: grabbed,
  gup_fast_pte_range: gupFast,
  __get_user_pages: getUserPageSlow,
  follow_page_pte: followPage,
});

import { AGAIN, repeat } from "@kvmm/interleave";
import type { Hva, Pfn } from "./addresses.js";
import { handleMmFault } from "./fault/handle.js";
import type { Frames } from "./frames.js";
import { leafAt, leafPage } from "./leaf.js";
import { PageFlag } from "./page-flags.js";
import { type Pte, PteFlag, pteHas, ptePfn, ptePresent, pteProtNone } from "./pte.js";
import type { Task } from "./task.js";
import { VmFlag } from "./vma.js";

/** FOLL_* */
export interface GupFlags {
  readonly write: boolean;
  /** FOLL_FORCE: whatever the mapping may become counts, and a private mapping gets a copy. */
  readonly force?: boolean;
  /** get_user_page_fast_only(): never sleep, never fault a page in. */
  readonly fastOnly?: boolean;
}

/** Why get_user_pages gave no page. `EAGAIN`: only with `fastOnly`. */
export type GupError = "EFAULT" | "EHWPOISON" | "ENOMEM" | "EAGAIN";

/**
 * get_user_pages() for one page: its frame, with a reference.
 * NUMA hints are honoured (FOLL_HONOR_NUMA_FAULT), as KVM asks for.
 */
export function getUserPage(task: Task, address: Hva, flags: GupFlags): Pfn | GupError {
  if (flags.fastOnly === true) return gupFast(task, address, flags.write) ?? "EAGAIN";
  return getUserPageSlow(task, address, flags.write, flags.force === true);
}

/** gup_fast_pte_range(), gup_fast_pmd_leaf(): no locks; the entry is read again after the reference was taken. */
function gupFast(task: Task, address: Hva, write: boolean): Pfn | null {
  const { mm } = task;
  const { frames } = mm.host;
  const leaf = leafAt(mm, address);
  if (leaf === null) return null;
  const { table, index, pte } = leaf;
  if (!pteHas(pte, PteFlag.valid) || pteHas(pte, PteFlag.special)) return null;
  if (write && !pteHas(pte, PteFlag.write)) return null;
  const pfn = leafPage(leaf, address);
  if (!frames.tryGet(pfn)) return null;
  if (table.get(index) === pte) return pfn;
  frames.put(pfn);
  return null;
}

/** __get_user_pages() */
function getUserPageSlow(task: Task, address: Hva, write: boolean, force: boolean): Pfn | GupError {
  const { mm } = task;
  const { store, frames } = mm.host;
  return repeat<Pfn | GupError>(store, "__get_user_pages", () => {
    mm.mmapLock.readLock();
    const vma = mm.vmaAt(address);
    // check_vma_flags()
    if (vma === undefined || !isAllowed(vma.fields.flags, write, force)) {
      mm.mmapLock.readUnlock();
      store.trace("check_vma_flags", () =>
        vma === undefined
          ? `no mapping at ${address.toString(16)}`
          : `the mapping forbids to ${write ? "write" : "read"}`,
      );
      return "EFAULT";
    }
    // follow_page_pte(), follow_huge_pmd()
    const leaf = leafAt(mm, address);
    if (leaf !== null) {
      mm.pageTableLock.lock();
      const pte = leaf.table.get(leaf.index);
      const follow = !write || pteHas(pte, PteFlag.write) || (force && isOwnPage(frames, pte));
      if (ptePresent(pte) && !pteProtNone(pte) && follow) {
        const pfn = leafPage({ ...leaf, pte }, address);
        frames.get(pfn);
        mm.pageTableLock.unlock();
        mm.mmapLock.readUnlock();
        return pfn;
      }
      mm.pageTableLock.unlock();
    }
    const error = handleMmFault(task, vma, address, { write });
    mm.mmapLock.readUnlock();
    if (error === null) return AGAIN;
    return error === "HWPOISON" ? "EHWPOISON" : error === "OOM" ? "ENOMEM" : "EFAULT";
  });
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

/** can_follow_write_common(): a forced write may go to a page that nobody else can reach. */
function isOwnPage(frames: Frames, pte: Pte): boolean {
  return !pteHas(pte, PteFlag.special) && frames.test(ptePfn(pte), PageFlag.anonExclusive);
}

import { AGAIN, repeat } from "@kvmm/interleave";
import type { Hva, Pfn } from "./addresses.js";
import { handleMmFault } from "./fault/handle.js";
import { PteFlag, pteHas, ptePfn, ptePresent, pteProtNone } from "./pte.js";
import type { Task } from "./task.js";
import { VmFlag } from "./vma.js";

/** FOLL_* */
export interface GupFlags {
  readonly write: boolean;
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
  return getUserPageSlow(task, address, flags.write);
}

/** gup_fast_pte_range(): no locks; the entry is read again after the reference was taken. */
function gupFast(task: Task, address: Hva, write: boolean): Pfn | null {
  const { mm } = task;
  const { frames } = mm.host;
  const table = mm.pteTable(address);
  if (table === null) return null;
  const index = table.indexOf(address);
  const pte = table.get(index);
  if (!pteHas(pte, PteFlag.valid) || pteHas(pte, PteFlag.special)) return null;
  if (write && !pteHas(pte, PteFlag.write)) return null;
  const pfn = ptePfn(pte);
  if (!frames.tryGet(pfn)) return null;
  if (table.get(index) === pte) return pfn;
  frames.put(pfn);
  return null;
}

/** __get_user_pages() */
function getUserPageSlow(task: Task, address: Hva, write: boolean): Pfn | GupError {
  const { mm } = task;
  const { store, frames } = mm.host;
  return repeat<Pfn | GupError>(store, "__get_user_pages", () => {
    mm.mmapLock.readLock();
    const vma = mm.vmaAt(address);
    // check_vma_flags()
    const wanted = write ? VmFlag.write : VmFlag.read;
    if (vma === undefined || (vma.fields.flags & wanted) === 0) {
      mm.mmapLock.readUnlock();
      store.trace("check_vma_flags", () =>
        vma === undefined ? `no mapping at ${address.toString(16)}` : `the mapping forbids to ${write ? "write" : "read"}`,
      );
      return "EFAULT";
    }
    // follow_page_pte()
    const table = mm.pteTable(address);
    if (table !== null) {
      mm.pageTableLock.lock();
      const pte = table.get(table.indexOf(address));
      if (ptePresent(pte) && !pteProtNone(pte) && (!write || pteHas(pte, PteFlag.write))) {
        const pfn = ptePfn(pte);
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

import { AGAIN, repeat } from "@kvmm/interleave";
import type { Hva } from "./addresses.js";
import { handleMmFault } from "./fault/handle.js";
import { leafAt, leafPage } from "./leaf.js";
import { PageFlag } from "./page-flags.js";
import { PteFlag, pteChange, pteHas } from "./pte.js";
import type { Task } from "./task.js";
import { VmFlag } from "./vma.js";

/** What an access by the VMM's own code came to: the word, or the signal that it got instead. */
export type HostAccess =
  | { readonly value: number }
  | { readonly signal: "SIGSEGV"; readonly code: "SEGV_MAPERR" | "SEGV_ACCERR" }
  | { readonly signal: "SIGBUS"; readonly code: "BUS_ADRERR" | "BUS_MCEERR_AR" }
  /** Alone, it would wait for ever for a userfaultfd's handler. */
  | { readonly waits: "userfaultfd" };

/**
 * A load or store of the first word of a page by a user-space thread: the hardware's walk of the page table, and
 * do_page_fault() when it fails.
 * @param value the word to store; undefined: a load
 */
export function hostAccess(task: Task, address: Hva, value?: number): HostAccess {
  const { mm } = task;
  const { store, frames } = mm.host;
  const write = value !== undefined;
  return repeat<HostAccess>(store, "do_page_fault", () => {
    const leaf = leafAt(mm, address);
    if (leaf !== null && pteHas(leaf.pte, PteFlag.valid) && (!write || pteHas(leaf.pte, PteFlag.write))) {
      const now = pteChange(leaf.pte, PteFlag.young | (write ? PteFlag.dirty : 0), 0);
      if (!leaf.table.hardwareUpdate(leaf.index, leaf.pte, now)) return AGAIN;
      const pfn = leafPage(leaf, address);
      if (frames.test(pfn, PageFlag.hwpoison)) return { signal: "SIGBUS", code: "BUS_MCEERR_AR" };
      if (write) frames.word.set(pfn, value);
      return { value: frames.word.get(pfn) };
    }
    mm.mmapLock.readLock();
    const vma = mm.vmaAt(address);
    const { flags } = vma === undefined ? { flags: 0 } : vma.fields;
    if (
      vma === undefined ||
      (flags & (write ? VmFlag.write : VmFlag.read | VmFlag.write | VmFlag.exec)) === 0
    ) {
      mm.mmapLock.readUnlock();
      return { signal: "SIGSEGV", code: vma === undefined ? "SEGV_MAPERR" : "SEGV_ACCERR" };
    }
    const error = handleMmFault(task, vma, address, { write, user: true, retry: "wait" });
    // A fault that waited has dropped the lock.
    if (error !== "WAITED" && error !== "WAITS") mm.mmapLock.readUnlock();
    switch (error) {
      case null:
      case "WAITED":
        return AGAIN;
      case "WAITS":
        return { waits: "userfaultfd" };
      case "HWPOISON":
        return { signal: "SIGBUS", code: "BUS_MCEERR_AR" };
      case "SIGSEGV":
        return { signal: "SIGSEGV", code: "SEGV_ACCERR" };
      default:
        return { signal: "SIGBUS", code: "BUS_ADRERR" };
    }
  });
}

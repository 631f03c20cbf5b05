import { nameFunctions } from "@kvmm/interleave";
import { leafAt } from "../leaf.js";
import { type Pte, PteFlag, pteChange, pteHas, ptePresent } from "../pte.js";
import { isWpAsync, UffdFeature, Userfaultfd } from "../userfaultfd/context.js";
import { isUffdMarker } from "../userfaultfd/marker.js";
import { VmFlag } from "../vma.js";
import type { Fault, FaultError, PteFault } from "./fault.js";

/** VM_UFFD_MISSING, VM_UFFD_MINOR, VM_UFFD_WP: what a userfaultfd is asked for. */
export type UserfaultReason = "missing" | "minor" | "wp";

/** userfaultfd_missing(): is a userfaultfd to be asked for pages that are not there? */
export function isUserfaultMissing({ fields }: Fault): boolean {
  return (fields.flags & VmFlag.uffdMissing) !== 0;
}

/** userfaultfd_minor(): is a userfaultfd to be asked before a page of the file is mapped? */
export function isUserfaultMinor({ fields }: Fault): boolean {
  return (fields.flags & VmFlag.uffdMinor) !== 0;
}

/**
 * handle_userfault(): asks a userfaultfd's handler to resolve the fault, and waits for it without mmap_lock. No spinlock
 * is held. @returns what comes of the fault; `WAITED`: it is to be taken again
 */
export function handleUserfault(fault: Fault, reason: UserfaultReason): FaultError {
  const { fields, vma } = fault;
  const { mm } = vma;
  const { store } = mm.host;
  const ctx = fields.uffd;
  if (!(ctx instanceof Userfaultfd) || ctx.has(UffdFeature.sigbus)) return "SIGBUS";
  if (fault.user !== true && ctx.userModeOnly) return "SIGBUS";
  if (fault.retry === undefined) return "SIGBUS";
  if (fault.retry === "nowait") return "WOULD_WAIT";
  if (ctx.released.get()) {
    mm.mmapLock.readUnlock();
    return "WAITED";
  }
  const waiter = ctx.enqueue(fault.address);
  const mustWait = userfaultfdMustWait(fault, reason);
  mm.mmapLock.readUnlock();
  const waits = mustWait && !ctx.released.get();
  store.trace(
    "handle_userfault",
    () => `${fault.task.name}: ${reason} fault at ${fault.address.toString(16)}${waits ? ", waits" : ""}`,
  );
  const isAlone = store.task === null;
  if (waits && !isAlone) waiter.queue.sleep();
  ctx.dequeue(waiter);
  return waits && isAlone ? "WAITS" : "WAITED";
}

/** userfaultfd_must_wait(), userfaultfd_huge_must_wait(): does the entry still need the handler? A look without locks. */
function userfaultfdMustWait({ vma, address }: Fault, reason: UserfaultReason): boolean {
  const leaf = leafAt(vma.mm, address);
  if (leaf === null || isUffdMarker(leaf.pte)) return true;
  if (!ptePresent(leaf.pte)) return false;
  return reason === "wp" && !pteHas(leaf.pte, PteFlag.write);
}

/**
 * userfaultfd_pte_wp() in do_wp_page(), with the page-table lock: a write to an entry that a userfaultfd protects. In
 * the asynchronous mode the protection just ends. @returns the fault as it goes on, or that the handler is to be asked
 */
export function userfaultWp<F extends PteFault>(fault: F): F | "ask" {
  const { fields, table, index, orig } = fault;
  if (fault.unshare === true) return fault;
  if ((fields.flags & VmFlag.uffdWp) === 0 || !pteHas(orig, PteFlag.uffdWp)) return fault;
  if (!isWpAsync(fields)) return "ask";
  const now = pteChange(orig, 0, PteFlag.uffdWp);
  table.set(index, now);
  return { ...fault, orig: now };
}

/** A new entry in the place of a marker is as write-protected as the marker said (vmf_orig_pte_uffd_wp). */
export function inherit(fault: Fault, pte: Pte): Pte {
  return fault.marker === undefined ? pte : pteChange(pte, PteFlag.uffdWp, PteFlag.write);
}

nameFunctions({
  userfaultfd_missing: isUserfaultMissing,
  userfaultfd_minor: isUserfaultMinor,
  handle_userfault: handleUserfault,
  userfaultfd_must_wait: userfaultfdMustWait,
  userfaultfd_pte_wp: userfaultWp,
});

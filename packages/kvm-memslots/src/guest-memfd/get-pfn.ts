import { nameFunctions } from "@kvmm/interleave";
import { type OpenFile, PageFlag, type Pfn, type Pgoff, type Result, refuse, type Task } from "@kvmm/mm-core";
import type { Kvm } from "../kvm.js";
import type { Gfn, Memslot } from "../slots/memslot.js";
import { gmemGetFile } from "./bind.js";
import { gmemGetFolio, gmemMarkUptodate } from "./folio.js";
import type { GmemFile, GmemInode } from "./gmem-inode.js";

/** kvm_gmem_get_index() */
export function gmemGetIndex(slot: Memslot, gfn: Gfn): Pgoff {
  return gfn - slot.baseGfn + slot.gmemPgoff;
}

/**
 * kvm_gmem_get_pfn(): the page of the memslot's guest_memfd, with a reference for the caller. Neither locked nor kept
 * in the file: only the retry protocol says whether it may be mapped. Under kvm->srcu.
 * @param puts takes the file, for the caller to put after the SRCU section
 */
export function gmemGetPfn(kvm: Kvm, task: Task, slot: Memslot, gfn: Gfn, puts: OpenFile[]): Result<Pfn> {
  const fn = "__kvm_gmem_get_pfn";
  const index = gmemGetIndex(slot, gfn);
  const file = gmemGetFile(slot);
  if (file === null)
    return refuse(
      "EFAULT",
      "kvm_gmem_get_pfn",
      `the guest_memfd of ${slot} is closed`,
      "a memslot whose guest_memfd is kept open",
    );
  puts.push(file);

  const slotFile = slot.gmemFile.get();
  if (slotFile !== file) {
    if (slotFile !== null) kvm.host.warn(fn, `${slot} has got another guest_memfd`);
    return refuse(
      "EFAULT",
      fn,
      `the guest_memfd of ${slot} is being closed`,
      "a memslot whose guest_memfd is kept open",
    );
  }
  const bound = (file.data as GmemFile).bindings.first(index, index + 1);
  if (bound !== slot) {
    if (bound !== undefined)
      kvm.host.warn(fn, `page ${index} of the guest_memfd of ${slot} is bound to ${bound}`);
    return refuse(
      "EIO",
      fn,
      `page ${index} of the guest_memfd is not bound to ${slot}`,
      "a page that is bound to this memslot",
    );
  }

  const { frames } = kvm.host;
  const pfn = gmemGetFolio(task, file.inode as GmemInode, index);
  if (pfn === null)
    return refuse(
      "ENOMEM",
      fn,
      `no memory for page ${index} of the guest_memfd`,
      "the same, once memory is free",
    );
  if (frames.test(pfn, PageFlag.hwpoison)) {
    frames.unlock(pfn);
    if (kvm.behaviour.gmemPoisonedPage === "put") frames.put(pfn);
    return refuse(
      "EHWPOISON",
      fn,
      `page ${index} of the guest_memfd (frame ${pfn}) is poisoned`,
      "another page: a hole punched there makes room for it",
    );
  }
  gmemMarkUptodate(kvm.host, pfn);
  frames.unlock(pfn);
  return pfn;
}

nameFunctions({
  kvm_gmem_get_pfn: gmemGetPfn,
});

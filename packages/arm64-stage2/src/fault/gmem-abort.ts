import { nameFunctions } from "@kvmm/interleave";
import { gmemGetPfn, markPageDirtyInSlot, mmuInvalidateRetry, releaseFaultinPage } from "@kvmm/kvm-memslots";
import { isRefusal, type OpenFile, PAGE_SIZE, pages, type Refusal } from "@kvmm/mm-core";
import type { Ipa, Pa } from "../address.js";
import { Prot } from "../descriptor/prot.js";
import { EAGAIN } from "../errno.js";
import { Walk } from "../walk/flags.js";
import type { FaultDesc } from "./fault-desc.js";

/**
 * gmem_abort(): a fault on memory of a guest_memfd: the page comes from the file, whatever user space maps there, and is
 * mapped alone.
 * @param puts takes files to put once kvm->srcu is left
 * @returns 0 (also where the access has to be tried again), a negative errno, or why the file gave no page
 */
export function gmemAbort(fault: FaultDesc, puts: OpenFile[]): number | Refusal {
  const { vcpu, slot, mmu } = fault;
  const { kvm } = vcpu;
  const isPermission = fault.status === "permission";
  const cache = isPermission ? null : mmu.cacheOf(vcpu);
  cache?.topup(mmu.cacheMinPages);
  const gfn = pages(fault.ipa);
  const mmuSeq = kvm.mmuInvalidateSeq.get();
  const pfn = gmemGetPfn(kvm, vcpu.task, slot, gfn, puts);
  if (isRefusal(pfn)) return pfn;
  let prot: Prot = slot.isReadonly ? Prot.R : Prot.RW;
  if (fault.access === "exec" || mmu.machine.dic) prot |= Prot.X;
  const at = (gfn * PAGE_SIZE) as Ipa;
  kvm.mmuLock.readLock();
  let ret: number;
  if (mmuInvalidateRetry(kvm, mmuSeq)) ret = -EAGAIN;
  else if (isPermission && mmu.behaviour.gmemPermissionFault === "relax")
    ret = mmu.pgt.relaxPerms(at, prot, Walk.SHARED);
  else ret = mmu.pgt.map(at, PAGE_SIZE, (pfn * PAGE_SIZE) as Pa, prot, cache, Walk.SHARED);
  releaseFaultinPage(kvm, pfn, ret !== 0, (prot & Prot.W) !== 0);
  kvm.mmuLock.readUnlock();
  if ((prot & Prot.W) !== 0 && ret === 0) markPageDirtyInSlot(slot, gfn);
  return ret === -EAGAIN ? 0 : ret;
}

nameFunctions({
  gmem_abort: gmemAbort,
});

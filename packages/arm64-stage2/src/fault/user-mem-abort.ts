import type { Vma } from "@kvmm/mm-core";
import { type Hva, PAGE_SIZE, type Pfn, PMD_SIZE, PUD_SIZE, pages, userMappingSize } from "@kvmm/mm-core";
import {
  faultinPfn,
  type Gfn,
  markPageDirtyInSlot,
  mmuInvalidateRetry,
  releaseFaultinPage,
} from "@kvmm/kvm-memslots";
import type { Ipa, Pa } from "../address.js";
import { Prot } from "../descriptor/prot.js";
import { EAGAIN } from "../errno.js";
import { Walk } from "../walk/flags.js";
import type { FaultDesc } from "./fault-desc.js";
import { supportsHugeMapping } from "./huge-mapping.js";

const EFAULT = 14;

/** struct kvm_s2_fault_vma_info: what was learnt under mmap_lock, good for as long as the sequence does not move. */
interface VmaInfo {
  readonly mmuSeq: number;
  readonly pageSize: number;
  /** The largest mapping that may be made. */
  readonly maxMapSize: number;
  readonly gfn: Gfn;
}

/**
 * user_mem_abort(): a fault on memory that user space maps: looks the page up through its mapping, and maps it at
 * stage 2 unless an invalidation came in between.
 * @returns 0 (also where the access has to be tried again), or a negative errno
 */
export function userMemAbort(fault: FaultDesc): number | "hwpoison" {
  const { vcpu, slot, mmu } = fault;
  const { kvm } = vcpu;
  const isWrite = fault.access === "write";
  const isPermission = fault.kind === "permission";
  const cache = mmu.cacheOf(vcpu);
  if (!isPermission || (slot.tracksDirty && isWrite)) cache.topup(mmu.cacheMinPages);

  const info = vmaInfo(fault);
  if (info === null) return -EFAULT;
  const pinned = faultinPfn(kvm, vcpu.task, slot, info.gfn, isWrite);
  if (pinned === "KVM_PFN_ERR_HWPOISON") return "hwpoison";
  if (typeof pinned === "string") return -EFAULT;

  let prot: Prot = Prot.R;
  if (pinned.writable && (!slot.tracksDirty || isWrite)) prot |= Prot.W;
  if (fault.access === "exec" || mmu.machine.dic) prot |= Prot.X;
  return mapFault(fault, info, pinned.pfn, prot);
}

/** kvm_s2_fault_get_vma_info() */
function vmaInfo(fault: FaultDesc): VmaInfo | null {
  const { vcpu, slot, hva, ipa } = fault;
  const { mm } = vcpu.task;
  mm.mmapLock.readLock();
  const vma = mm.vmaAt(hva);
  if (vma === undefined) {
    mm.mmapLock.readUnlock();
    vcpu.kvm.host.store.trace("kvm_s2_fault_get_vma_info", () => `no mapping at ${hva.toString(16)}: -EFAULT`);
    return null;
  }
  const { pageSize, maxMapSize } = mappingSize(fault, vma, slot.tracksDirty);
  const mmuSeq = vcpu.kvm.mmuInvalidateSeq.get();
  mm.mmapLock.readUnlock();
  return { mmuSeq, pageSize, maxMapSize, gfn: pages(ipa - (ipa % pageSize)) };
}

/** kvm_s2_resolve_vma_size() */
function mappingSize(fault: FaultDesc, vma: Vma, logging: boolean): { pageSize: number; maxMapSize: number } {
  const { slot, hva } = fault;
  if (logging) return { pageSize: PAGE_SIZE, maxMapSize: PAGE_SIZE };
  const natural = vma.pageSize;
  for (const size of [PUD_SIZE, PMD_SIZE]) {
    if (natural >= size && supportsHugeMapping(slot, hva, size)) return { pageSize: size, maxMapSize: PUD_SIZE };
  }
  // A mapping of huge pages that cannot be used as such is not tried as a transparent one either.
  return { pageSize: PAGE_SIZE, maxMapSize: natural > PAGE_SIZE ? PAGE_SIZE : PUD_SIZE };
}

/** kvm_s2_fault_map() */
function mapFault(fault: FaultDesc, info: VmaInfo, faultPfn: Pfn, prot: Prot): number {
  const { vcpu, slot, mmu } = fault;
  const { kvm } = vcpu;
  const { pgt } = mmu;
  const writable = (prot & Prot.W) !== 0;
  const granule = fault.kind === "permission" ? mmu.granuleOf(fault.level) : 0;
  let { gfn, pageSize: size } = info;
  let pfn = faultPfn;
  let ret: number;
  kvm.mmuLock.readLock();
  if (mmuInvalidateRetry(kvm, info.mmuSeq)) {
    ret = -EAGAIN;
    kvm.host.store.trace("mmu_invalidate_retry", () => `gfn ${gfn.toString(16)}: an invalidation came in between: again`);
  } else {
    if (size === PAGE_SIZE && info.maxMapSize !== PAGE_SIZE) {
      if (granule > PAGE_SIZE) size = granule;
      else {
        const adjusted = transparentHugepageAdjust(fault, fault.hva);
        if (adjusted < 0) size = adjusted;
        else if (adjusted === PMD_SIZE) {
          size = PMD_SIZE;
          gfn -= gfn % 512;
          pfn -= pfn % 512;
        }
      }
    }
    if (size < 0) ret = size;
    else if (size === granule) ret = pgt.relaxPerms((gfn * PAGE_SIZE) as Ipa, prot, Walk.SHARED);
    else ret = pgt.map((gfn * PAGE_SIZE) as Ipa, size, (pfn * PAGE_SIZE) as Pa, prot, mmu.cacheOf(vcpu), Walk.SHARED);
  }
  releaseFaultinPage(kvm, faultPfn, ret !== 0, writable);
  kvm.mmuLock.readUnlock();
  if (writable && ret === 0) {
    const first = gfn * PAGE_SIZE;
    markPageDirtyInSlot(slot, pages(first - (first % size)));
  }
  return ret === -EAGAIN ? 0 : ret;
}

/** transparent_hugepage_adjust(): is the page part of a huge one in the host's page table too? Its size, or -EAGAIN. */
function transparentHugepageAdjust(fault: FaultDesc, hva: Hva): number {
  if (!supportsHugeMapping(fault.slot, hva, PMD_SIZE)) return PAGE_SIZE;
  const size = userMappingSize(fault.vcpu.kvm.mm, hva);
  if (size === null) return -EAGAIN;
  return size < PMD_SIZE ? PAGE_SIZE : PMD_SIZE;
}

import { nameFunctions } from "@kvmm/interleave";
import {
  type FaultinPage,
  faultinPfn,
  type Gfn,
  type GuestExit,
  markPageDirtyInSlot,
  mmuInvalidateRetry,
  releaseFaultinPage,
} from "@kvmm/kvm-memslots";
import { type Hva, hex, PAGE_SIZE, PMD_PAGES, PMD_SIZE, pages, userMappingSize } from "@kvmm/mm-core";
import type { Ipa, Pa } from "../address.js";
import { pteExecutable } from "../descriptor/attributes.js";
import { lowerHalf, upperHalf } from "../descriptor/halves.js";
import { VALID } from "../descriptor/layout.js";
import { Prot } from "../descriptor/prot.js";
import { EAGAIN, EFAULT } from "../errno.js";
import { Walk } from "../walk/flags.js";
import type { FaultDesc } from "./fault-desc.js";
import { supportsHugeMapping } from "./huge-mapping.js";
import { injectExclAtomic } from "./inject.js";
import { memslotIsLogging } from "./logging.js";
import { type MappingSize, resolveVmaSize } from "./vma-size.js";

/** struct kvm_s2_fault_vma_info: what was learnt under mmap_lock, good for as long as the sequence does not move. */
interface VmaInfo extends MappingSize {
  readonly mmuSeq: number;
  readonly gfn: Gfn;
}

/**
 * user_mem_abort(): a fault on memory that user space maps: looks the page up through its mapping, and maps it at
 * stage 2 unless an invalidation came in between.
 * @returns 0 (also where the access has to be tried again), a negative errno, or what the guest or the VMM sees
 */
export function userMemAbort(fault: FaultDesc): number | GuestExit {
  const { vcpu, slot, mmu } = fault;
  const { kvm } = vcpu;
  if (needsTables(fault)) mmu.cacheOf(vcpu).topup(mmu.cacheMinPages);

  const info = vmaInfo(fault);
  if (info === null) return -EFAULT;
  // kvm_s2_fault_pin_pfn()
  const page = faultinPfn(kvm, vcpu.task, slot, info.gfn, fault.isWrite);
  if (page === "KVM_PFN_ERR_HWPOISON") {
    // kvm_send_hwpoison_signal(): the thread gets it before it can enter the guest again.
    const addrLsb = Math.log2(info.pageSize);
    return { reason: "KVM_EXIT_INTR", errno: "EINTR", signal: "SIGBUS", code: "BUS_MCEERR_AR", addrLsb };
  }
  if (page === "KVM_PFN_ERR_SIGPENDING") return { waits: "userfaultfd" };
  if (typeof page === "string") return -EFAULT;

  if (fault.status === "excl_atomic") {
    if (mmu.behaviour.exclAtomicFault === "put-page") releaseFaultinPage(kvm, page.pfn, true, false);
    return injectExclAtomic(fault);
  }
  return mapFault(fault, info, page, protOf(fault, page));
}

/** Can the fault need tables? Most permission faults change an entry that is there. */
function needsTables({ status, isWrite, slot, mmu }: FaultDesc): boolean {
  if (status !== "permission") return true;
  return memslotIsLogging(slot) && (isWrite || mmu.behaviour.loggingTopup === "all");
}

/** kvm_s2_fault_get_vma_info() */
function vmaInfo(fault: FaultDesc): VmaInfo | null {
  const { vcpu, hva, ipa } = fault;
  const { mm } = vcpu.task;
  mm.mmapLock.readLock();
  const vma = mm.vmaAt(hva);
  if (vma === undefined) {
    mm.mmapLock.readUnlock();
    vcpu.kvm.store.trace("kvm_s2_fault_get_vma_info", () => `no mapping at ${hex(hva)}: -EFAULT`);
    return null;
  }
  const { pageSize, maxMapSize } = resolveVmaSize(fault, vma);
  const sample = () => vcpu.kvm.mmuInvalidateSeq.get();
  const under = fault.mmu.behaviour.sequenceSample === "under-mmap-lock" ? sample() : null;
  mm.mmapLock.readUnlock();
  const mmuSeq = under ?? sample();
  return { mmuSeq, pageSize, maxMapSize, gfn: pages(ipa - (ipa % pageSize)) };
}

/** kvm_s2_fault_compute_prot() */
function protOf({ slot, mmu, access, isWrite }: FaultDesc, page: FaultinPage): Prot {
  let prot: Prot = Prot.R;
  if (page.writable && (!memslotIsLogging(slot) || isWrite)) prot |= Prot.W;
  if (access === "exec" || mmu.machine.dic) prot |= Prot.X;
  return prot;
}

/** kvm_s2_fault_map() */
function mapFault(fault: FaultDesc, info: VmaInfo, page: FaultinPage, prot: Prot): number {
  const { vcpu, slot, mmu } = fault;
  const { kvm } = vcpu;
  const { behaviour } = mmu;
  const writable = (prot & Prot.W) !== 0;
  const marksBefore = behaviour.dirtyMark === "before-mapping";
  let size = info.pageSize;
  let ret: number;
  kvm.mmuLock.readLock();
  if (mmuInvalidateRetry(kvm, info.mmuSeq)) ret = -EAGAIN;
  else {
    size = mappingSize(fault, info);
    if (size < 0) ret = size;
    else {
      if (writable && marksBefore) markDirty(fault, info, size);
      ret = mapOrRelax(fault, info, page, size, prot);
      if (ret === -EAGAIN && marksBefore) {
        releaseFaultinPage(kvm, page.pfn, true, writable);
        kvm.mmuLock.readUnlock();
        return ret;
      }
    }
  }
  releaseFaultinPage(kvm, page.pfn, ret !== 0, writable);
  kvm.mmuLock.readUnlock();
  if (writable && ret === 0 && !marksBefore) markDirty(fault, info, size);
  if (ret === 0) {
    kvm.store.trace(
      "kvm_s2_fault_map",
      () => `${slot}: ${hex(size)} bytes at ${hex(fault.ipa - (fault.ipa % size))} are mapped`,
    );
  }
  return ret === -EAGAIN ? 0 : ret;
}

/** Of what size the mapping is to be, or a negative errno. Under mmu_lock. */
function mappingSize(fault: FaultDesc, { pageSize, maxMapSize }: VmaInfo): number {
  if (pageSize !== PAGE_SIZE || maxMapSize === PAGE_SIZE) return pageSize;
  const granule = permFaultGranule(fault);
  if (granule > PAGE_SIZE) return granule;
  return transparentHugepageAdjust(fault, fault.hva);
}

/** kvm_vcpu_trap_get_perm_fault_granule(): what the entry maps that forbade the access; 0 if none did. */
function permFaultGranule({ status, level, mmu }: FaultDesc): number {
  return status === "permission" ? mmu.granuleOf(level) : 0;
}

function mapOrRelax(fault: FaultDesc, info: VmaInfo, page: FaultinPage, size: number, wanted: Prot): number {
  const { mmu, vcpu } = fault;
  const { pgt } = mmu;
  let { gfn } = info;
  let { pfn } = page;
  if (size === PMD_SIZE && info.pageSize === PAGE_SIZE && permFaultGranule(fault) <= PAGE_SIZE) {
    gfn -= gfn % PMD_PAGES;
    pfn -= pfn % PMD_PAGES;
  }
  const at = (gfn * PAGE_SIZE) as Ipa;
  if (relaxes(fault, size, wanted)) return pgt.relaxPerms(at, wanted, Walk.SHARED);
  let prot = wanted;
  let flags: number = Walk.SHARED;
  if (inheritsExec(fault, wanted)) {
    prot |= Prot.X;
    flags |= Walk.SKIP_CMO;
  }
  return pgt.map(at, size, (pfn * PAGE_SIZE) as Pa, prot, mmu.cacheOf(vcpu), flags);
}

/** Is it enough to add permissions to the entry that is there? */
function relaxes(fault: FaultDesc, size: number, prot: Prot): boolean {
  if (fault.mmu.behaviour.userPermissionFault === "by-granule") return size === permFaultGranule(fault);
  return fault.status === "permission" && !(memslotIsLogging(fault.slot) && (prot & Prot.W) !== 0);
}

/** stage2_is_exec(), of old: was the guest allowed to execute what the new entry replaces, whatever its size? */
function inheritsExec({ mmu, status, ipa }: FaultDesc, prot: Prot): boolean {
  if (mmu.behaviour.execPermission === "of-this-entry" || status !== "permission" || (prot & Prot.X) !== 0)
    return false;
  const leaf = mmu.pgt.getLeaf(ipa);
  if (typeof leaf === "number") return false;
  const lo = lowerHalf(leaf.pte);
  return (lo & VALID) !== 0 && pteExecutable(lo, upperHalf(leaf.pte));
}

function markDirty({ slot }: FaultDesc, { gfn }: VmaInfo, size: number): void {
  const first = gfn * PAGE_SIZE;
  markPageDirtyInSlot(slot, pages(first - (first % size)));
}

/** transparent_hugepage_adjust(): is the page part of a huge one in the host's page table too? Its size, or -EAGAIN. */
function transparentHugepageAdjust({ slot, mmu, vcpu }: FaultDesc, hva: Hva): number {
  if (!supportsHugeMapping(slot, hva, PMD_SIZE, mmu.behaviour)) return PAGE_SIZE;
  const size = userMappingSize(vcpu.kvm.mm, hva);
  if (size === null) return -EAGAIN;
  return size < PMD_SIZE ? PAGE_SIZE : PMD_SIZE;
}

nameFunctions({
  user_mem_abort: userMemAbort,
  kvm_s2_fault_get_vma_info: vmaInfo,
  kvm_s2_fault_map: mapFault,
  transparent_hugepage_adjust: transparentHugepageAdjust,
});

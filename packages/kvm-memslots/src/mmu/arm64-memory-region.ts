import { hex, PAGE_SIZE, type Refusal, refuse, type Task, VmFlag } from "@kvmm/mm-core";
import type { Memslot } from "../slots/memslot.js";
import type { MemoryRegionChange } from "./secondary-mmu.js";

const FN = "kvm_arch_prepare_memory_region";

/**
 * arm64's kvm_arch_prepare_memory_region(), for VMs that are not protected: what a memslot must be beyond what
 * virt/kvm checks.
 */
export function arm64PrepareMemoryRegion(
  task: Task,
  now: Memslot | null,
  change: MemoryRegionChange,
  ipaBits: number,
  hasMte = false,
): Refusal | undefined {
  if (change === "delete" || now === null) return undefined;
  const limit = 2 ** ipaBits;
  if (now.endGfn > limit / PAGE_SIZE) {
    const reason = `guest physical addresses up to ${hex(now.endGfn * PAGE_SIZE)} in a VM with ${ipaBits} bits of them`;
    return refuse("EFAULT", FN, reason, `ranges that end at or below ${hex(limit)}`);
  }
  if (now.hasGmem && !now.isGmemOnly) {
    const reason = "a guest_memfd that cannot be mapped: it was created without GUEST_MEMFD_FLAG_MMAP";
    return refuse("EINVAL", FN, reason, "a guest_memfd with GUEST_MEMFD_FLAG_MMAP");
  }
  if (now.hasGmem && hasMte) {
    return refuse(
      "EINVAL",
      FN,
      "a guest_memfd in a VM with MTE",
      "a VM without KVM_CAP_ARM_MTE, or other memory",
    );
  }
  return checkMappings(task, now, hasMte);
}

/** Every mapping that the memslot's user memory meets, with the holes between them. */
function checkMappings(task: Task, now: Memslot, hasMte: boolean): Refusal | undefined {
  const { mm } = task;
  let refusal: Refusal | undefined;
  mm.mmapLock.readLock();
  for (const vma of mm.vmas.overlapping(now.userspaceAddr, now.userspaceEnd)) {
    const { file, flags, start } = vma.fields;
    // VM_MTE_ALLOWED: anonymous memory and shmem.
    if (hasMte && file !== null && file.ops.kind !== "shmem") {
      const reason = `${file.ops.kind} is mapped at ${hex(start)}, which cannot have tags, in a VM with MTE`;
      refusal = refuse("EINVAL", FN, reason, "anonymous memory or memfd");
      break;
    }
    if ((flags & VmFlag.pfnmap) !== 0 && now.tracksDirty) {
      refusal = refuse(
        "EINVAL",
        FN,
        `dirty logging of device memory, mapped at ${hex(start)}`,
        "a memslot without KVM_MEM_LOG_DIRTY_PAGES, or other memory",
      );
      break;
    }
  }
  mm.mmapLock.readUnlock();
  return refusal;
}

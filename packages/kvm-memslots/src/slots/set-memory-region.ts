import { nameFunctions } from "@kvmm/interleave";
import {
  hex,
  isRefusal,
  type OpenFile,
  PAGE_SIZE,
  type Refusal,
  type Result,
  refuse,
  type Task,
} from "@kvmm/mm-core";
import { DirtyBitmap } from "../dirty/dirty-bitmap.js";
import { dirtyLogInitiallySet } from "../dirty/dirty-log-modes.js";
import {
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_MAX_NR_PAGES,
  KVM_MEM_READONLY,
  KVM_MEM_SLOTS_NUM,
  memFlagNames,
} from "../flags.js";
import { gmemBind, gmemUnbind } from "../guest-memfd/bind.js";
import type { Kvm } from "../kvm.js";
import type { MemoryRegionChange } from "../mmu/secondary-mmu.js";
import { type MemoryRegion, memoryRegion1, memoryRegion2, type UserMemoryRegion } from "./memory-region.js";
import { type Gfn, Memslot, type MemslotFields } from "./memslot.js";
import type { Memslots } from "./memslots.js";
import { setMemslot } from "./set-memslot.js";
import { accessOk, untaggedAddr } from "./user-access.js";

const FN = "kvm_set_memory_region";
const PAGE = BigInt(PAGE_SIZE);
/** KVM_SET_USER_MEMORY_REGION_V1_FLAGS */
const V1_FLAGS = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY;

/** KVM_SET_USER_MEMORY_REGION2: creates, moves, deletes a memslot, or changes its flags. */
export function setMemoryRegion2(kvm: Kvm, task: Task, region: UserMemoryRegion): Result<0> {
  return vmIoctlSetMemoryRegion(kvm, task, memoryRegion2(region));
}

/** KVM_SET_USER_MEMORY_REGION: so, without guest_memfd. */
export function setMemoryRegion(kvm: Kvm, task: Task, region: UserMemoryRegion): Result<0> {
  const copied = memoryRegion1(region);
  if ((copied.flags & ~V1_FLAGS) !== 0) {
    return refuse(
      "EINVAL",
      "kvm_vm_ioctl",
      `flags ${memFlagNames(copied.flags)}, of which KVM_SET_USER_MEMORY_REGION knows not all`,
      `${memFlagNames(V1_FLAGS)}, or KVM_SET_USER_MEMORY_REGION2`,
    );
  }
  return vmIoctlSetMemoryRegion(kvm, task, copied);
}

/** kvm_vm_ioctl_set_memory_region() */
function vmIoctlSetMemoryRegion(kvm: Kvm, task: Task, mem: MemoryRegion): Result<0> {
  const userSlots = KVM_MEM_SLOTS_NUM - kvm.mmu.traits.internalSlots;
  const slotId = mem.slot & 0xffff;
  if (slotId >= userSlots) {
    return refuse(
      "EINVAL",
      "kvm_vm_ioctl_set_memory_region",
      `slot id ${slotId} (the low 16 bits of slot ${hex(mem.slot)}) is too high`,
      `ids below ${userSlots} (KVM_CAP_NR_MEMSLOTS)`,
    );
  }
  kvm.slotsLock.lock();
  const puts: OpenFile[] = [];
  const result = setLocked(kvm, task, mem, puts);
  kvm.slotsLock.unlock();
  // What fput() defers until the task returns to user space.
  for (const file of puts) file.put();
  return result ?? 0;
}

/** kvm_set_memory_region(), under slots_lock. @param puts files whose reference is to be put at last */
function setLocked(kvm: Kvm, task: Task, mem: MemoryRegion, puts: OpenFile[]): Refusal | undefined {
  const invalid = checkFlags(kvm, mem) ?? checkFields(kvm, mem);
  if (invalid !== undefined) return invalid;

  const slots = kvm.memslots(mem.slot >>> 16);
  const old = slots.byId(mem.slot & 0xffff) ?? null;
  if (mem.memorySize === 0n) {
    if (old === null) {
      return refuse(
        "EINVAL",
        FN,
        `memory_size 0 deletes, but there is no slot ${mem.slot & 0xffff}`,
        "the id of a memslot",
      );
    }
    return setMemslot(kvm, task, old, null, "delete", null, puts);
  }

  const baseGfn = Number(mem.guestPhysAddr / PAGE);
  const npages = Number(mem.memorySize / PAGE);
  const change = old === null ? "create" : changeOf(mem, old, baseGfn, npages);
  if (isRefusal(change)) return change;
  if (change === "none") {
    kvm.store.trace(FN, () => `${old} is so already`);
    return undefined;
  }
  if (change !== "flags_only") {
    const overlap = checkOverlap(slots, mem.slot & 0xffff, baseGfn, baseGfn + npages);
    if (overlap !== undefined) return overlap;
  }

  const fields: MemslotFields = {
    asId: mem.slot >>> 16,
    slotId: mem.slot & 0xffff,
    baseGfn,
    npages,
    userspaceAddr: Number(mem.userspaceAddr),
    flags: mem.flags,
    dirtyBitmap: dirtyBitmapFor(kvm, mem, old, npages),
    gmemPgoff: 0,
  };
  if ((mem.flags & KVM_MEM_GUEST_MEMFD) === 0) {
    const now = kvm.store.create(() => new Memslot(kvm.store, fields));
    return setMemslot(kvm, task, old, now, change, null, puts);
  }
  const bound = gmemBind(kvm, task, fields, mem.guestMemfd, mem.guestMemfdOffset, puts);
  if (isRefusal(bound)) return bound;
  const refusal = setMemslot(kvm, task, old, bound.slot, change, bound.file, puts);
  // Where the binding is the last thing to be made (7.3), a refusal leaves none behind.
  if (refusal !== undefined && bound.file === null) gmemUnbind(kvm, bound.slot, puts);
  return refusal;
}

/** check_memory_region_flags() */
function checkFlags(kvm: Kvm, mem: MemoryRegion): Refusal | undefined {
  const fn = "check_memory_region_flags";
  const gmem = (mem.flags & KVM_MEM_GUEST_MEMFD) !== 0;
  const valid =
    KVM_MEM_GUEST_MEMFD |
    (gmem ? 0 : KVM_MEM_LOG_DIRTY_PAGES) |
    (kvm.mmu.traits.readonlyMem && !gmem ? KVM_MEM_READONLY : 0);
  const wrong = mem.flags & ~valid;
  if (wrong === 0) return undefined;
  if (gmem && (wrong & ~V1_FLAGS) === 0) {
    return refuse(
      "EINVAL",
      fn,
      `${memFlagNames(wrong)} together with KVM_MEM_GUEST_MEMFD`,
      "KVM_MEM_GUEST_MEMFD alone",
    );
  }
  return refuse("EINVAL", fn, `unknown flags ${memFlagNames(wrong)}`, memFlagNames(valid));
}

/** The general checks, in the kernel's order. */
function checkFields(kvm: Kvm, mem: MemoryRegion): Refusal | undefined {
  const { guestPhysAddr: gpa, memorySize: size, userspaceAddr: hva, guestMemfdOffset: offset } = mem;
  const pages = "a multiple of the page size, 4096";
  if (size % PAGE !== 0n) return refuse("EINVAL", FN, `memory_size ${hex(size)} is not page-aligned`, pages);
  if (gpa % PAGE !== 0n)
    return refuse("EINVAL", FN, `guest_phys_addr ${hex(gpa)} is not page-aligned`, pages);
  if (hva % PAGE !== 0n) return refuse("EINVAL", FN, `userspace_addr ${hex(hva)} is not page-aligned`, pages);
  if (kvm.mmu.traits.topByteIgnore && hva !== untaggedAddr(hva)) {
    return refuse(
      "EINVAL",
      FN,
      `userspace_addr ${hex(hva)} has a tag in its top byte`,
      hex(untaggedAddr(hva)),
    );
  }
  const { taskSizeMax } = kvm.module;
  if (!accessOk(hva, size, taskSizeMax)) {
    return refuse(
      "EINVAL",
      FN,
      `userspace_addr ${hex(hva)} + memory_size ${hex(size)} is beyond user space (access_ok)`,
      `ranges that end at or below ${hex(taskSizeMax)}`,
    );
  }
  if ((mem.flags & KVM_MEM_GUEST_MEMFD) !== 0) {
    if (offset % PAGE !== 0n) {
      return refuse("EINVAL", FN, `guest_memfd_offset ${hex(offset)} is not page-aligned`, pages);
    }
    if (offset + size >= 1n << 64n) {
      return refuse(
        "EINVAL",
        FN,
        `guest_memfd_offset ${hex(offset)} + memory_size ${hex(size)} wraps`,
        "a range that ends below 2^64",
      );
    }
  }
  const { addressSpaces, internalSlots } = kvm.mmu.traits;
  const asId = mem.slot >>> 16;
  if (asId >= addressSpaces) {
    return refuse(
      "EINVAL",
      FN,
      `address space ${asId} (the high 16 bits of slot ${hex(mem.slot)}) does not exist`,
      addressSpaces === 1 ? "address space 0, the only one" : `address spaces below ${addressSpaces}`,
    );
  }
  if (gpa + size >= 1n << 64n) {
    return refuse(
      "EINVAL",
      FN,
      `guest_phys_addr ${hex(gpa)} + memory_size ${hex(size)} wraps`,
      "a range that ends below 2^64",
    );
  }
  if ((mem.slot & 0xffff) < KVM_MEM_SLOTS_NUM - internalSlots && size / PAGE > BigInt(KVM_MEM_MAX_NR_PAGES)) {
    return refuse(
      "EINVAL",
      FN,
      `memory_size ${hex(size)} is more than ${KVM_MEM_MAX_NR_PAGES} pages`,
      `at most ${hex(KVM_MEM_MAX_NR_PAGES * PAGE_SIZE)} bytes in one memslot`,
    );
  }
  return undefined;
}

/** How the region changes a memslot that there is. */
function changeOf(
  mem: MemoryRegion,
  old: Memslot,
  baseGfn: Gfn,
  npages: number,
): Result<MemoryRegionChange | "none"> {
  const only = "the same with another guest_phys_addr or KVM_MEM_LOG_DIRTY_PAGES, or deleting it first";
  if ((mem.flags & KVM_MEM_GUEST_MEMFD) !== 0) {
    return refuse(
      "EINVAL",
      FN,
      `slot ${old.slotId} exists, and a memslot with KVM_MEM_GUEST_MEMFD takes no change`,
      "deleting it (memory_size 0), and creating it anew",
    );
  }
  const userspaceAddr = Number(mem.userspaceAddr);
  if (userspaceAddr !== old.userspaceAddr) {
    const reason = `slot ${old.slotId} exists with userspace_addr ${hex(old.userspaceAddr)}, not ${hex(userspaceAddr)}`;
    return refuse("EINVAL", FN, reason, only);
  }
  if (npages !== old.npages) {
    const reason = `slot ${old.slotId} exists with memory_size ${hex(old.npages * PAGE_SIZE)}, not ${hex(mem.memorySize)}`;
    return refuse("EINVAL", FN, reason, only);
  }
  const fixed = (mem.flags ^ old.flags) & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD);
  if (fixed !== 0) {
    return refuse(
      "EINVAL",
      FN,
      `slot ${old.slotId} exists, and ${memFlagNames(fixed)} cannot be changed`,
      only,
    );
  }
  if (baseGfn !== old.baseGfn) return "move";
  return mem.flags === old.flags ? "none" : "flags_only";
}

/** kvm_check_memslot_overlap() */
function checkOverlap(slots: Memslots, slotId: number, start: Gfn, end: Gfn): Refusal | undefined {
  const other = slots.gfnTree.overlapping(start, end).find((slot) => slot.slotId !== slotId);
  if (other === undefined) return undefined;
  return refuse(
    "EEXIST",
    "kvm_check_memslot_overlap",
    `gfn ${hex(start)} to ${hex(end)} overlaps ${other}`,
    "guest physical addresses that no other memslot has",
  );
}

/** The dirty bitmap of the changed memslot, as kvm_prepare_memory_region() decides. */
function dirtyBitmapFor(
  kvm: Kvm,
  mem: MemoryRegion,
  old: Memslot | null,
  npages: number,
): DirtyBitmap | null {
  if ((mem.flags & KVM_MEM_LOG_DIRTY_PAGES) === 0) return null;
  const kept = old?.dirtyBitmap;
  if (kept) return kept;
  const initiallySet = dirtyLogInitiallySet(kvm);
  const name = `memslot ${mem.slot & 0xffff} dirty_bitmap`;
  return kvm.store.create(() => new DirtyBitmap(kvm.store, name, npages, initiallySet));
}

nameFunctions({
  kvm_vm_ioctl_set_memory_region: vmIoctlSetMemoryRegion,
  kvm_set_memory_region: setLocked,
  check_memory_region_flags: checkFlags,
  kvm_check_memslot_overlap: checkOverlap,
});

import { type Kvm, type Memslot, memFlagNames } from "@kvmm/kvm-memslots";
import { hex, type Mm, PAGE_SIZE, type VmaFields, VmFlag } from "@kvmm/mm-core";

/** A memslot of a VM, and what stands behind it. */
export interface MappedSlot {
  readonly slot: number;
  /** Left out: 0, the one that guests run in. */
  readonly addressSpace?: number;
  readonly gpa: number;
  readonly size: number;
  readonly userspaceAddr: number;
  /** `KVM_MEM_READONLY`, or `0` */
  readonly flags: string;
  /** Where its memory comes from, in words. */
  readonly backing: string;
}

/** The memory of a guest. */
export interface MemoryMap {
  /** By guest physical address. */
  readonly slots: readonly MappedSlot[];
  /** What one might not expect of it. */
  readonly notes: readonly string[];
}

/** The memory map of a VM, as it is; not an access. @param hidden slots to leave out */
export function memoryMapOf(kvm: Kvm, mm: Mm, hidden: ReadonlySet<number> = new Set()): MemoryMap {
  const vmas = mm.vmas.peek().map((vma) => vma.peek());
  const slots: MappedSlot[] = [];
  const notes: string[] = [];
  for (let asId = 0; asId < kvm.mmu.traits.addressSpaces; asId++) {
    const shown = kvm
      .peekMemslots(asId)
      .peek()
      .filter(({ slotId }) => !hidden.has(slotId));
    for (const slot of shown) slots.push(mappedSlot(slot, vmas));
    notes.push(...notesOf(shown, vmas));
  }
  return { slots, notes };
}

function mappedSlot(slot: Memslot, vmas: readonly VmaFields[]): MappedSlot {
  return {
    slot: slot.slotId,
    ...(slot.asId === 0 ? {} : { addressSpace: slot.asId }),
    gpa: slot.baseGfn * PAGE_SIZE,
    size: slot.npages * PAGE_SIZE,
    userspaceAddr: slot.userspaceAddr,
    flags: memFlagNames(slot.flags & 0xffff),
    backing: backingOf(slot, vmas),
  };
}

function backingOf(slot: Memslot, vmas: readonly VmaFields[]): string {
  if (slot.isGmemOnly) {
    return slot.gmemFile.peek() === null
      ? "a guest_memfd that is closed: the guest's accesses end in EFAULT"
      : `guest_memfd from offset ${hex(slot.gmemPgoff * PAGE_SIZE)} on; the user mapping does not matter`;
  }
  const own = mappingsOf(slot, vmas);
  const kinds = [...new Set(own.map(kindOf))];
  const shared = kinds.length === 0 ? "nothing is mapped there" : kinds.join(", ");
  if (!slot.hasGmem) return shared;
  return `guest_memfd from offset ${hex(slot.gmemPgoff * PAGE_SIZE)} on where it is private; else ${shared}`;
}

function mappingsOf(slot: Memslot, vmas: readonly VmaFields[]): VmaFields[] {
  return vmas.filter(({ start, end }) => start < slot.userspaceEnd && end > slot.userspaceAddr);
}

function kindOf({ file, flags }: VmaFields): string {
  const writable = (flags & VmFlag.write) === 0 ? " without PROT_WRITE" : "";
  if (file === null) return `anonymous memory${writable}`;
  const shared = (flags & VmFlag.shared) === 0 ? "private" : "shared";
  return `${shared} mapping of ${file.ops.kind}${writable}`;
}

function notesOf(slots: readonly Memslot[], vmas: readonly VmaFields[]): string[] {
  const notes: string[] = [];
  for (const [index, slot] of slots.entries()) {
    if (slot.isReadonly) notes.push(`slot ${slot.slotId}: a write of the guest exits as KVM_EXIT_MMIO`);
    if (!slot.isGmemOnly) {
      const hole = firstHole(slot, vmas);
      if (hole !== undefined) {
        notes.push(
          `slot ${slot.slotId}: nothing is mapped at ${hex(hole)}; a guest that comes there makes KVM_RUN fail with EFAULT`,
        );
      }
    }
    for (const other of slots.slice(index + 1)) {
      if (slot.userspaceAddr < other.userspaceEnd && other.userspaceAddr < slot.userspaceEnd) {
        notes.push(
          `slots ${slot.slotId} and ${other.slotId} share user memory: an invalidation of it reaches both`,
        );
      }
    }
  }
  return notes;
}

/** The first user address of a slot that nothing is mapped at. */
function firstHole(slot: Memslot, vmas: readonly VmaFields[]): number | undefined {
  let at = slot.userspaceAddr;
  for (const { start, end } of mappingsOf(slot, vmas)) {
    if (start > at) return at;
    at = Math.max(at, end);
  }
  return at < slot.userspaceEnd ? at : undefined;
}

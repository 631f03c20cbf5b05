import { type Kvm, type Memslot, memFlagNames } from "@kvmm/kvm-memslots";
import { hex, type Mm, type OpenFile, PAGE_SIZE, type VmaFields, VmFlag } from "@kvmm/mm-core";
import { mappingsOf, notesOf } from "./map-notes.js";

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

interface MapOptions {
  /** Slots to leave out. */
  readonly hidden?: ReadonlySet<number>;
  /** What to call a file that is mapped. */
  readonly nameOf?: (file: OpenFile) => string;
}

/** The memory map of a VM, as it is; not an access. */
export function memoryMapOf(
  kvm: Kvm,
  mm: Mm,
  { hidden = new Set(), nameOf = ({ ops }) => ops.kind }: MapOptions = {},
): MemoryMap {
  const vmas = mm.vmas.peek().map((vma) => vma.peek());
  const slots: MappedSlot[] = [];
  const notes: string[] = [];
  for (let asId = 0; asId < kvm.mmu.traits.addressSpaces; asId++) {
    const shown = kvm
      .peekMemslots(asId)
      .peek()
      .filter(({ slotId }) => !hidden.has(slotId));
    for (const slot of shown) slots.push(mappedSlot(slot, vmas, nameOf));
    notes.push(...notesOf(shown, vmas));
  }
  return { slots, notes };
}

type NameOf = (file: OpenFile) => string;

function mappedSlot(slot: Memslot, vmas: readonly VmaFields[], nameOf: NameOf): MappedSlot {
  return {
    slot: slot.slotId,
    ...(slot.asId === 0 ? {} : { addressSpace: slot.asId }),
    gpa: slot.baseGfn * PAGE_SIZE,
    size: slot.npages * PAGE_SIZE,
    userspaceAddr: slot.userspaceAddr,
    flags: memFlagNames(slot.flags & 0xffff),
    backing: backingOf(slot, mappingsOf(slot, vmas), nameOf),
  };
}

function backingOf(slot: Memslot, mappings: readonly VmaFields[], nameOf: NameOf): string {
  const isClosed = slot.hasGmem && slot.gmemFile.peek() === null;
  if (slot.isGmemOnly && isClosed) return "a guest_memfd that is closed: the guest's accesses end in EFAULT";
  const offset = hex(slot.gmemPgoff * PAGE_SIZE);
  if (slot.isGmemOnly) return `guest_memfd from offset ${offset} on; the user mapping does not matter`;
  const kinds = [...new Set(mappings.map((mapping) => kindOf(mapping, nameOf)))];
  const shared = kinds.length === 0 ? "nothing is mapped there" : kinds.join(", ");
  if (!slot.hasGmem) return shared;
  const isPrivate = isClosed ? "a guest_memfd that is closed" : `guest_memfd from offset ${offset} on`;
  return `${isPrivate} where it is private; else ${shared}`;
}

function kindOf({ file, flags }: VmaFields, nameOf: NameOf): string {
  const writable = (flags & VmFlag.write) === 0 ? " without PROT_WRITE" : "";
  if (file === null) return `anonymous memory${writable}`;
  const shared = (flags & VmFlag.shared) === 0 ? "private" : "shared";
  return `${shared} mapping of ${nameOf(file)}${writable}`;
}

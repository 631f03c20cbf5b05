import { Cell, Shared, type Store } from "@kvmm/interleave";
import { type Hva, hex, type OpenFile, PAGE_SIZE } from "@kvmm/mm-core";
import type { DirtyBitmap } from "../dirty/dirty-bitmap.js";
import {
  KVM_MEM_GUEST_MEMFD,
  KVM_MEM_LOG_DIRTY_PAGES,
  KVM_MEM_READONLY,
  KVM_MEMSLOT_GMEM_ONLY,
  KVM_MEMSLOT_INVALID,
} from "../flags.js";

/** A guest page frame number. */
export type Gfn = number;

/** What a memslot is. None of it changes once the memslot has been made. */
export interface MemslotFields {
  /** slot->as_id: the address space. */
  readonly asId: number;
  /** slot->id */
  readonly slotId: number;
  readonly baseGfn: Gfn;
  readonly npages: number;
  readonly userspaceAddr: Hva;
  readonly flags: number;
  readonly dirtyBitmap: DirtyBitmap | null;
  /** slot->gmem.pgoff: the page of the guest_memfd with which it begins. */
  readonly gmemPgoff: number;
}

/** struct kvm_memory_slot */
export class Memslot extends Shared implements MemslotFields {
  readonly asId: number;
  readonly slotId: number;
  readonly baseGfn: Gfn;
  readonly npages: number;
  readonly userspaceAddr: Hva;
  readonly flags: number;
  readonly dirtyBitmap: DirtyBitmap | null;
  readonly gmemPgoff: number;
  /** slot->gmem.file: set while bound; cleared when the file goes, under locks that readers do not take. */
  readonly gmemFile: Cell<OpenFile | null>;

  /** kfree() was called on it. */
  readonly isFreed: Cell<boolean>;

  constructor(store: Store, fields: MemslotFields, gmemFile: OpenFile | null = null) {
    super(store, `memslot ${fields.slotId}`);
    this.asId = fields.asId;
    this.slotId = fields.slotId;
    this.baseGfn = fields.baseGfn;
    this.npages = fields.npages;
    this.userspaceAddr = fields.userspaceAddr;
    this.flags = fields.flags;
    this.dirtyBitmap = fields.dirtyBitmap;
    this.gmemPgoff = fields.gmemPgoff;
    this.gmemFile = new Cell<OpenFile | null>(store, `memslot ${fields.slotId} gmem.file`, gmemFile);
    this.isFreed = new Cell(store, `memslot ${fields.slotId} freed`, false);
  }

  /** One past its last gfn. */
  get endGfn(): Gfn {
    return this.baseGfn + this.npages;
  }

  /** One past its last byte of user memory. */
  get userspaceEnd(): Hva {
    return this.userspaceAddr + this.npages * PAGE_SIZE;
  }

  /** kvm_slot_has_gmem() */
  get hasGmem(): boolean {
    return (this.flags & KVM_MEM_GUEST_MEMFD) !== 0;
  }

  /** kvm_memslot_is_gmem_only(): also shared memory comes from its guest_memfd. */
  get isGmemOnly(): boolean {
    return (this.flags & KVM_MEMSLOT_GMEM_ONLY) !== 0;
  }

  /** memslot_is_readonly() */
  get isReadonly(): boolean {
    return (this.flags & KVM_MEM_READONLY) !== 0;
  }

  /** Published only to be deleted or moved. */
  get isInvalid(): boolean {
    return (this.flags & KVM_MEMSLOT_INVALID) !== 0;
  }

  /** kvm_slot_dirty_track_enabled() */
  get tracksDirty(): boolean {
    return (this.flags & KVM_MEM_LOG_DIRTY_PAGES) !== 0;
  }

  override toString(): string {
    const gfns = `gfn ${hex(this.baseGfn)} to ${hex(this.endGfn)}`;
    return `slot ${this.slotId} (${gfns}, user memory ${hex(this.userspaceAddr)} to ${hex(this.userspaceEnd)})`;
  }

  override restore(): void {}
}

/** hva_to_gfn_memslot() */
export function hvaToGfnMemslot(hva: Hva, slot: Memslot): Gfn {
  return slot.baseGfn + Math.floor((hva - slot.userspaceAddr) / PAGE_SIZE);
}

/** __gfn_to_hva_memslot() */
export function gfnToHvaMemslot(slot: Memslot, gfn: Gfn): Hva {
  return slot.userspaceAddr + (gfn - slot.baseGfn) * PAGE_SIZE;
}

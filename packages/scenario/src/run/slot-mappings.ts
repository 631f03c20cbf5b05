import { Arm64Mmu } from "@kvmm/arm64-stage2";
import type { Shared } from "@kvmm/interleave";
import { type Memslot, ReferenceMmu } from "@kvmm/kvm-memslots";
import {
  hex,
  PAGE_SIZE,
  PageFlag,
  type Pfn,
  PMD_SIZE,
  type Pte,
  PteFlag,
  PUD_SIZE,
  pteHas,
  ptePfn,
  ptePresent,
} from "@kvmm/mm-core";
import type { World } from "./world.js";

/** What stage 2 has for one page of a slot. */
export interface SlotMapping {
  readonly pfn: Pfn;
  readonly writable: boolean;
}

/** Pages of a slot that are looked at: more than any built-in scenario or recording has. */
const MOST_PAGES = 4096;

/** What stage 2 maps of a slot, by page of the slot. As it is; not an access. */
export function slotMappings(world: World, slot: Memslot): ReadonlyMap<number, SlotMapping> {
  const mapped = new Map<number, SlotMapping>();
  const { mmu } = world.kvm;
  if (mmu instanceof ReferenceMmu) {
    for (let page = 0; page < Math.min(slot.npages, MOST_PAGES); page++) {
      const spte = mmu.peek(slot.baseGfn + page);
      if (spte !== null) mapped.set(page, spte);
    }
  }
  if (!(mmu instanceof Arm64Mmu)) return mapped;
  for (let page = 0; page < Math.min(slot.npages, MOST_PAGES); page++) {
    const leaf = mmu.peekLeaf((slot.baseGfn + page) * PAGE_SIZE);
    if (leaf !== null) mapped.set(page, { pfn: Math.floor(leaf.pa / PAGE_SIZE), writable: leaf.writable });
  }
  return mapped;
}

/** Pages of all slots that stage 2 maps; the predefined ones left out. */
export function mappedPages(world: World): number {
  let pages = 0;
  for (const slot of world.kvm.peekMemslots().peek()) {
    if (!world.predefined.has(slot.slotId)) pages += slotMappings(world, slot).size;
  }
  return pages;
}

/** What an entry maps that ends the walk in a table of a level. */
const LEAF_SIZE: readonly number[] = [PAGE_SIZE, PMD_SIZE, PUD_SIZE];

/** The entry of the VMM's page table for an address. */
export interface HostEntry {
  readonly table: Shared;
  readonly index: number;
  readonly pte: Pte;
  /** The frame behind the address, if the entry is present. */
  readonly pfn: Pfn;
}

/** The entry of the VMM's page table for an address, as it is. */
export function peekHostPage(world: World, address: number): HostEntry {
  let table = world.vmm.mm.pgd;
  for (;;) {
    const index = table.indexOf(address);
    const { pte, child } = table.peek(index);
    if (child === null) {
      const pfn = ptePfn(pte) + Math.floor((address % (LEAF_SIZE[table.level] ?? 1)) / PAGE_SIZE);
      return { table, index, pte, pfn };
    }
    table = child;
  }
}

/**
 * The rule that MMU notifiers are there to keep: stage 2 maps a page only while the guest_memfd, or the user mapping,
 * has that very page there, and allows writes only while that does. The predefined slots are no part of what is looked at.
 * @returns what is wrong, or undefined
 */
export function staleStage2Mapping(world: World): string | undefined {
  const { frames } = world.host;
  for (const slot of world.kvm.peekMemslots().peek()) {
    if (world.predefined.has(slot.slotId)) continue;
    for (const [page, { pfn, writable }] of slotMappings(world, slot)) {
      const where = `page ${page} of slot ${slot.slotId}`;
      if (frames.refcount.peek(frames.folio(pfn)) === 0)
        return `${where} is mapped at stage 2 to pfn ${hex(pfn)}, which is free`;
      if (slot.hasGmem) {
        // While the file is being closed its pages live on with the inode; only the check above can be made.
        const inode = slot.gmemFile.peek()?.inode;
        const current = inode == null ? pfn : inode.pages.at(slot.gmemPgoff + page);
        if (current !== pfn)
          return `${where} is mapped at stage 2 to pfn ${hex(pfn)}, which its guest_memfd no longer has there`;
        continue;
      }
      const { pte, pfn: current } = peekHostPage(world, slot.userspaceAddr + page * PAGE_SIZE);
      const poisoned = (frames.flags.peek(pfn) & PageFlag.hwpoison) !== 0;
      if (poisoned) continue;
      if (!ptePresent(pte) || current !== pfn) {
        return `${where} is mapped at stage 2 to pfn ${hex(pfn)}, which user space no longer maps there`;
      }
      if (writable && !pteHas(pte, PteFlag.write))
        return `${where} is writable at stage 2, but not for user space`;
    }
  }
  return undefined;
}

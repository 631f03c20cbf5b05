import { Arm64Mmu } from "@kvmm/arm64-stage2";
import { type Memslot, ReferenceMmu } from "@kvmm/kvm-memslots";
import { PAGE_SIZE, PageFlag, type Pfn, type Pte, PteFlag, pteHas, ptePfn, ptePresent } from "@kvmm/mm-core";
import { peekUserEntry } from "../properties/user-entry.js";
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

/** The entry of the VMM's page table for an address, as it is. */
export function peekHostEntry(world: World, address: number): Pte {
  return peekUserEntry(world.vmm, address);
}

/**
 * The rule that MMU notifiers are there to keep: stage 2 maps a page only while the guest_memfd, or the user mapping,
 * has that very page there, and allows writes only while that does.
 * @returns what is wrong, or undefined
 */
export function staleStage2Mapping(world: World): string | undefined {
  const { frames } = world.host;
  for (const slot of world.kvm.peekMemslots().peek()) {
    for (const [page, { pfn, writable }] of slotMappings(world, slot)) {
      const where = `page ${page} of slot ${slot.slotId}`;
      if (frames.refcount.peek(pfn) === 0) return `${where} is mapped at stage 2 to frame ${pfn}, which is free`;
      if (slot.hasGmem) {
        // While the file is being closed its pages live on with the inode; only the check above can be made.
        const inode = slot.gmemFile.peek()?.inode;
        const current = inode == null ? pfn : inode.pages.at(slot.gmemPgoff + page);
        if (current !== pfn) return `${where} is mapped at stage 2 to frame ${pfn}, which its guest_memfd no longer has there`;
        continue;
      }
      const pte = peekHostEntry(world, slot.userspaceAddr + page * PAGE_SIZE);
      const poisoned = (frames.flags.peek(pfn) & PageFlag.hwpoison) !== 0;
      if (poisoned) continue;
      if (!ptePresent(pte) || framesOf(pte, slot.userspaceAddr + page * PAGE_SIZE) !== pfn) {
        return `${where} is mapped at stage 2 to frame ${pfn}, which user space no longer maps there`;
      }
      if (writable && !pteHas(pte, PteFlag.write)) return `${where} is writable at stage 2, but not for user space`;
    }
  }
  return undefined;
}

function framesOf(pte: Pte, address: number): Pfn {
  const first = ptePfn(pte);
  return pteHas(pte, PteFlag.leaf) ? first + (Math.floor(address / PAGE_SIZE) % 512) : first;
}
